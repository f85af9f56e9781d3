//! The API: a handler is a straight line: extractors prove who and how much, parse, one store call, answer.

mod account;
mod answer;
mod applications;
mod applied_jobs;
mod apply;
mod body;
mod channel;
mod clients;
pub(crate) mod desk;
mod docs;
mod events;
mod freelancers;
mod generate_proposal;
mod health;
mod idempotency;
mod jobs;
mod legacy;
mod listen;
mod named;
mod observe;
mod openapi;
mod person;
mod preflight;
mod query;
mod quota;
mod refused;
mod rewrite;
mod status;
mod streams;
mod submissions;
mod unless;
mod wait;
mod webhooks;

use std::sync::Arc;

use applyd_core::ids::KeyId;
use applyd_core::seal::MasterKey;
use applyd_core::time::Timing;
use applyd_store::Store;
use axum::routing::{delete, get, post};
use axum::{Extension, Router};
use tokio::sync::watch;

use crate::dashboard::{self, Dashboard};
use crate::letter::Letters;
use crate::marketplaces::Marketplaces;
use crate::news::News;
use crate::notify::Rules;
use crate::work::witness::Witness;
use crate::work::{Leases, Pace, Wakes};
pub(crate) use account::KeyCache;
pub(crate) use body::Whole;
pub(crate) use listen::{Peer, raise_file_limit, serve};
pub use openapi::description;
pub(crate) use quota::Quota;
pub(crate) use refused::Refused;
pub(crate) use streams::{Place, Streams};

/// What the handlers share.
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) timing: Timing,
    pub(crate) news: Arc<News>,
    pub(crate) leases: Arc<Leases>,
    pub(crate) wakes: Arc<Wakes>,
    pub(crate) pace: Arc<Pace>,
    /// For reads by a caller's direction.
    pub(crate) marketplaces: Marketplaces,
    /// Seals the secrets of webhooks.
    pub(crate) key: Arc<MasterKey>,
    /// Where webhooks may be.
    pub(crate) rules: Rules,
    /// Where the stand-in tells its counts.
    pub(crate) sandbox: url::Url,
    pub(crate) keys: KeyCache,
    pub(crate) letters: Arc<Letters>,
    pub(crate) quota: Arc<Quota>,
    /// Whether keys are held to their limits.
    pub(crate) rate_limits: bool,
    pub(crate) streams: Arc<Streams<KeyId>>,
    pub(crate) dashboard: Dashboard,
    /// For what people declare.
    pub(crate) witness: Witness,
    /// Turns true when the server has been told to stop: whoever asks whether it is ready hears of it.
    pub(crate) leave: watch::Receiver<bool>,
    /// Turns true when the server stops: what is held ends then.
    pub(crate) stop: watch::Receiver<bool>,
}

/// All routes; those of the API describe themselves, and `openapi.rs` lists them once more for that.
fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/auto-apply-v2/apply", post(apply::apply))
        .route("/api/auto-apply-v2/status", get(status::status))
        .route("/api/auto-apply-v2/applied-jobs", get(applied_jobs::applied_jobs))
        .route("/api/auto-apply-v2/generate-proposal", post(generate_proposal::generate_proposal))
        .route("/api/auto-apply-v2/freelancers", get(freelancers::freelancers))
        .route("/api/auto-apply-v2/preflight", post(preflight::preflight))
        .route("/api/auto-apply-v2/events", get(events::events))
        .route("/api/auto-apply-v2/applications/{queueId}", delete(applications::cancel))
        .route("/api/auto-apply-v2/applications/{queueId}/timeline", get(applications::timeline))
        .route("/api/jobs/by-ciphertext", get(jobs::job))
        .route("/api/clients/{companyId}/jobs", get(clients::client_jobs))
        .route("/api/webhooks", get(webhooks::list).post(webhooks::create))
        .route("/api/webhooks/{id}", get(webhooks::read).patch(webhooks::update).delete(webhooks::delete))
        .route("/api/webhooks/{id}/test", post(webhooks::test))
        .route("/api/webhooks/{id}/rotate-secret", post(webhooks::rotate_secret))
        .route("/api/webhooks/{id}/deliveries", get(webhooks::deliveries))
        .route("/api/webhooks/events", get(webhooks::events))
        .route("/api/webhooks/events/{id}/redeliver", post(webhooks::redeliver))
        .route("/api/desk/applications", get(desk::list))
        .route("/api/desk/applications/{queueId}", get(desk::read))
        .route("/api/desk/applications/{queueId}/claim", post(desk::claim))
        .route("/api/desk/applications/{queueId}/release", post(desk::release))
        .route("/api/desk/applications/{queueId}/declare", post(desk::declare))
        .route("/api/desk/applications/{queueId}/outcome", post(desk::record))
        .route("/sandbox/submissions", get(submissions::submissions))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz).layer(Extension(Arc::new(health::LastLook::default()))))
        .route("/openapi.json", get(openapi::openapi))
        .route("/docs", get(docs::docs))
}

/// The API and the dashboard; aliases are put right before it is asked.
pub(crate) fn router(app: Arc<App>) -> Router {
    routes()
        .merge(dashboard::router(&app))
        .fallback(answer::no_such_path)
        .method_not_allowed_fallback(answer::no_such_method)
        .with_state(app)
}
