//! The API: a handler is a straight line: extractors prove who, parse, one store call, answer.

mod account;
mod answer;
mod applications;
mod apply;
mod body;
mod events;
mod idempotency;
mod listen;
mod status;
mod streams;
mod submissions;
mod unless;
mod wait;

use std::sync::Arc;

use applyd_core::time::Timing;
use applyd_store::Store;
use axum::Router;
use axum::routing::{delete, get, post};
use tokio::sync::watch;

use crate::news::News;
use crate::work::{Leases, Pace, Wakes};
pub(crate) use account::KeyCache;
pub(crate) use listen::serve;
use streams::Streams;

/// What the handlers share.
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) timing: Timing,
    pub(crate) news: Arc<News>,
    pub(crate) leases: Arc<Leases>,
    pub(crate) wakes: Arc<Wakes>,
    pub(crate) pace: Arc<Pace>,
    /// Where the stand-in tells its counts.
    pub(crate) sandbox: url::Url,
    pub(crate) keys: KeyCache,
    pub(crate) streams: Arc<Streams>,
    /// Turns true when the server stops: what is held ends then.
    pub(crate) stop: watch::Receiver<bool>,
}

/// All routes.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/api/auto-apply-v2/apply", post(apply::apply))
        .route("/api/auto-apply-v2/status", get(status::status))
        .route("/api/auto-apply-v2/events", get(events::events))
        .route("/api/auto-apply-v2/applications/{queueId}", delete(applications::cancel))
        .route("/api/auto-apply-v2/applications/{queueId}/timeline", get(applications::timeline))
        .route("/sandbox/submissions", get(submissions::submissions))
        .route("/healthz", get(answer::healthy))
        .fallback(answer::no_such_path)
        .method_not_allowed_fallback(answer::no_such_method)
        .layer(axum::middleware::map_response(answer::with_request_id))
        .with_state(app)
}
