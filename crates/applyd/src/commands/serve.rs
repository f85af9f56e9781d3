//! `applyd serve`.

use std::time::Duration;

use applyd_server::config::Settings;
use applyd_server::{start, telemetry};
use applyd_store::Database;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;
use crate::output;

/// What still blocks a thread at the end, such as the look-up of a name, is not waited for longer.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// Runs a server to its end.
pub(super) fn run<T>(server: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(server);
    runtime.shutdown_timeout(LAST_WAIT);
    ended
}

/// SIGTERM and Ctrl-C, heard from the moment this is made.
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Made before the ready line: whoever reads that may send a signal at once.
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next of them.
    pub(super) async fn heard(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Serves until SIGTERM or Ctrl-C.
pub(super) fn serve(settings: Settings) -> Result<(), Failure> {
    telemetry::start();
    run(async move {
        let mut stop = Stop::listen()?;
        let running = start(settings).await?;
        if let Some(address) = running.address {
            output::line(&format!("applyd listening on http://{address}"))?;
        } else {
            output::line("applyd worker is ready")?;
        }
        stop.heard().await;
        running.stop().await;
        Ok(())
    })
}

/// Works and tells receivers until SIGTERM or Ctrl-C, beside the nodes that serve.
pub(super) fn work(settings: Settings) -> Result<(), Failure> {
    if let Database::Sqlite(file) = &settings.database {
        return Err(Failure::hinted(
            format!(
                "{} has one process: a worker of its own needs a database that nodes share",
                file.display()
            ),
            "`applyd serve` has its workers inside; nodes share --database postgres://USER@HOST/NAME",
        ));
    }
    serve(Settings { listen: None, ..settings })
}
