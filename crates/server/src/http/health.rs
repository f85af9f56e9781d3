//! Whether this process lives, and whether it can do its work: uphunt-api.md §13.

use std::sync::Arc;
use std::time::Duration;

use applyd_store::{Store, meta};
use applyd_wire::HealthAnswer;
use axum::Extension;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::App;
use super::answer::json;
use super::refused::Refused;

const STORE_WAIT: Duration = Duration::from_secs(2);
/// Anybody may ask, and a look is a durable write.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What the last look has shown, and when; whoever comes during a look waits for it.
#[derive(Default)]
pub(crate) struct LastLook(Mutex<Option<(Instant, bool)>>);

/// Whether the process is alive.
#[utoipa::path(get, path = "/healthz", tag = "operation", security(()), responses(
    (status = 200, description = "It is", body = HealthAnswer),
))]
pub(crate) async fn healthz() -> Response {
    json(StatusCode::OK, &HealthAnswer::ok())
}

/// Whether the store can be written, a full disk shows here; and whether the server stays.
#[utoipa::path(get, path = "/readyz", tag = "operation", security(()), responses(
    (status = 200, description = "It can", body = HealthAnswer),
    (status = 503, description = "It cannot, or the server was told to stop", body = applyd_wire::ErrorAnswer),
))]
pub(crate) async fn readyz(
    Shared(app): Shared<Arc<App>>,
    Extension(last): Extension<Arc<LastLook>>,
) -> Result<Response, Refused> {
    if *app.leave.borrow() {
        return Err(Refused::Leaving);
    }
    // A look goes on when its caller goes away, else those who do that would make one each.
    let is_ready = tokio::spawn(async move { last.is_ready(&app.store).await }).await;
    if is_ready.unwrap_or(false) {
        Ok(json(StatusCode::OK, &HealthAnswer::ok()))
    } else {
        Err(Refused::StoreUnreachable)
    }
}

impl LastLook {
    async fn is_ready(&self, store: &Store) -> bool {
        let mut last = self.0.lock().await;
        if let Some((at, is_ready)) = *last
            && at.elapsed() < LOOK_AGAIN
        {
            return is_ready;
        }
        let is_ready = look(store).await;
        *last = Some((Instant::now(), is_ready));
        is_ready
    }
}

async fn look(store: &Store) -> bool {
    match tokio::time::timeout(STORE_WAIT, store.write(meta::touch)).await {
        Ok(Ok(())) => return true,
        Ok(Err(error)) => tracing::error!(%error, "the store cannot be written"),
        Err(_) => tracing::error!("the store cannot be written in time"),
    }
    false
}
