//! `applyd serve`.

use applyd_server::config::Settings;
use applyd_server::{start, telemetry};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;
use crate::output;

/// A runtime for a server on a small machine.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// Serves until SIGTERM or Ctrl-C.
pub(super) fn serve(settings: Settings) -> Result<(), Failure> {
    telemetry::start();
    runtime()?.block_on(async move {
        let running = start(settings).await?;
        output::line(&format!("applyd listening on http://{}", running.address))?;
        stop_signal().await;
        running.stop().await;
        Ok(())
    })
}

/// Waits for SIGTERM or SIGINT; where a signal cannot be heard, for ever.
pub(super) async fn stop_signal() {
    let heard = |kind| async move {
        match signal(kind) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = heard(SignalKind::terminate()) => {}
        () = heard(SignalKind::interrupt()) => {}
    }
}
