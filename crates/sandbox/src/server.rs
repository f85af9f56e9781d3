//! The accept loop and the routes.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::error::Error;
use crate::settings::Settings;
use crate::stand_in::StandIn;
use crate::{connection, oauth, rpc, submissions};

/// Largest request body.
const MAX_BODY_BYTES: usize = 256 * 1024;
/// Pause after a failed accept, which is mostly a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long open connections may take to end at the stop.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// Serves the stand-in on `listener` until `shutdown` is ready, with its memory in the file `database`.
pub async fn serve(
    listener: TcpListener,
    database: &Path,
    settings: Settings,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let router = routes(Arc::new(StandIn::open(database, settings)?));
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection::serve(stream, router.clone(), stopping.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    // No receiver is left where no connection is.
    let _ = stop.send(true);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_GRACE, ended).await.is_err() {
        connections.shutdown().await;
    }
    Ok(())
}

fn routes(stand_in: Arc<StandIn>) -> Router {
    Router::new()
        .route("/mcp", post(rpc::post).get(rpc::get).delete(rpc::delete))
        .route("/.well-known/oauth-protected-resource", get(oauth::protected_resource))
        .route("/.well-known/oauth-protected-resource/mcp", get(oauth::protected_resource))
        .route("/.well-known/oauth-authorization-server", get(oauth::authorization_server))
        .route("/register", post(oauth::register))
        .route("/authorize", get(oauth::authorize))
        .route("/token", post(oauth::token))
        .route("/revoke", post(oauth::revoke))
        .route("/sandbox/submissions", get(submissions::list))
        .route("/sandbox/refreshes", get(oauth::refreshes))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(stand_in)
}
