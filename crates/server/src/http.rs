//! The API: a handler is a straight line: extractors prove who and how much, parse, one store call, answer.

mod account;
mod answer;
mod applications;
mod applied_jobs;
mod apply;
mod body;
mod channel;
mod clients;
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

use applyd_core::seal::MasterKey;
use applyd_core::time::Timing;
use applyd_store::Store;
use applyd_upwork::Upwork;
use axum::Router;
use axum::routing::get;
use tokio::sync::watch;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::letter::Letters;
use crate::news::News;
use crate::notify::Rules;
use crate::work::{Leases, Pace, Wakes};
pub(crate) use account::KeyCache;
pub(crate) use listen::{raise_file_limit, serve};
pub(crate) use quota::Quota;
use streams::Streams;

/// What the handlers share.
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) timing: Timing,
    pub(crate) news: Arc<News>,
    pub(crate) leases: Arc<Leases>,
    pub(crate) wakes: Arc<Wakes>,
    pub(crate) pace: Arc<Pace>,
    /// The client of the marketplace, for reads by a caller's direction.
    pub(crate) marketplace: Upwork,
    /// Seals the secrets of webhooks.
    pub(crate) key: Arc<MasterKey>,
    /// Where webhooks may be.
    pub(crate) rules: Rules,
    /// Where the stand-in tells its counts.
    pub(crate) sandbox: url::Url,
    pub(crate) keys: KeyCache,
    pub(crate) letters: Letters,
    pub(crate) quota: Arc<Quota>,
    /// Whether keys are held to their limits.
    pub(crate) rate_limits: bool,
    pub(crate) streams: Arc<Streams>,
    /// Turns true when the server stops: what is held ends then.
    pub(crate) stop: watch::Receiver<bool>,
}

/// All routes that need a key or describe the server; each says itself what it takes and answers.
fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(apply::apply))
        .routes(routes!(generate_proposal::generate_proposal))
        .routes(routes!(preflight::preflight))
        .routes(routes!(status::status))
        .routes(routes!(applied_jobs::applied_jobs))
        .routes(routes!(freelancers::freelancers))
        .routes(routes!(jobs::job))
        .routes(routes!(clients::client_jobs))
        .routes(routes!(events::events))
        .routes(routes!(applications::cancel))
        .routes(routes!(applications::timeline))
        .routes(routes!(submissions::submissions))
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::read, webhooks::update, webhooks::delete))
        .routes(routes!(webhooks::test))
        .routes(routes!(webhooks::rotate_secret))
        .routes(routes!(webhooks::deliveries))
        .routes(routes!(webhooks::events))
        .routes(routes!(webhooks::redeliver))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
}

/// The description of all routes, aliases included.
pub fn description() -> OpenApi {
    openapi::complete(routes().into_openapi())
}

/// The API; aliases are put right before it is asked.
///
/// # Errors
/// Its own description cannot be told: a bug.
pub(crate) fn router(app: Arc<App>) -> std::io::Result<Router> {
    let (router, described) = routes().split_for_parts();
    let described = openapi::complete(described);
    let (document, page) = (openapi::served(&described), docs::page(&described)?);
    let router = router
        .route("/openapi.json", get(move || openapi::openapi(document.clone())))
        .route("/docs", get(move || docs::docs(page.clone())))
        .fallback(answer::no_such_path)
        .method_not_allowed_fallback(answer::no_such_method)
        .with_state(app);
    Ok(router)
}
