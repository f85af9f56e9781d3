//! The API: a handler is a straight line: extractors prove who, parse, one store call, answer.

mod account;
mod answer;
mod apply;
mod body;
mod generate_proposal;
mod idempotency;
mod listen;
mod status;
mod submissions;

use std::sync::Arc;

use applyd_core::time::Timing;
use applyd_store::Store;
use axum::Router;
use axum::routing::{get, post};

use crate::letter::Letters;
use crate::status_cache::StatusCache;
use crate::work::{Leases, Pace, Wakes};
pub(crate) use account::KeyCache;
pub(crate) use listen::serve;

/// What the handlers share.
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) timing: Timing,
    pub(crate) cache: Arc<StatusCache>,
    pub(crate) leases: Arc<Leases>,
    pub(crate) wakes: Arc<Wakes>,
    pub(crate) pace: Arc<Pace>,
    /// Where the stand-in tells its counts.
    pub(crate) sandbox: url::Url,
    pub(crate) keys: KeyCache,
    pub(crate) letters: Letters,
}

/// All routes.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/api/auto-apply-v2/apply", post(apply::apply))
        .route("/api/auto-apply-v2/generate-proposal", post(generate_proposal::generate_proposal))
        .route("/api/auto-apply-v2/status", get(status::status))
        .route("/sandbox/submissions", get(submissions::submissions))
        .route("/healthz", get(answer::healthy))
        .fallback(answer::no_such_path)
        .method_not_allowed_fallback(answer::no_such_method)
        .layer(axum::middleware::map_response(answer::with_request_id))
        .with_state(app)
}
