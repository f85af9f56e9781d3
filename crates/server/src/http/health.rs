//! Whether this process lives, and whether it can do its work: uphunt-api.md §13.

use std::sync::Arc;
use std::time::Duration;

use applyd_store::meta;
use applyd_wire::HealthAnswer;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;

use super::App;
use super::answer::json;
use super::refused::Refused;

const STORE_WAIT: Duration = Duration::from_secs(2);

/// Whether the process is alive.
#[utoipa::path(get, path = "/healthz", tag = "operation", security(()), responses(
    (status = 200, description = "It is", body = HealthAnswer),
))]
pub(crate) async fn healthz() -> Response {
    json(StatusCode::OK, &HealthAnswer::ok())
}

/// Whether the store can be written: a full disk shows here.
#[utoipa::path(get, path = "/readyz", tag = "operation", security(()), responses(
    (status = 200, description = "It can", body = HealthAnswer),
    (status = 503, description = "It cannot", body = applyd_wire::ErrorAnswer),
))]
pub(crate) async fn readyz(Shared(app): Shared<Arc<App>>) -> Result<Response, Refused> {
    let written = tokio::time::timeout(STORE_WAIT, app.store.write(meta::touch)).await;
    written.map_err(|_| Refused::StoreUnreachable)??;
    Ok(json(StatusCode::OK, &HealthAnswer::ok()))
}
