//! Numbers for Prometheus; nothing is counted unless somebody listens.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use applyd_core::outcome::Code;
use applyd_store::application::Application;
use applyd_store::overview::{self, Overview};
use applyd_store::{Error, Store, meta};
use axum::Router;
use axum::extract::State as Shared;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the histograms, in seconds.
const REQUEST_S: [f64; 9] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 10.0, 60.0];
const SETTLE_S: [f64; 9] = [0.3, 1.0, 3.0, 10.0, 30.0, 90.0, 200.0, 280.0, 86_400.0];
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts counting, for the whole process.
pub(crate) fn start() -> Result<(), BuildError> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("request_seconds".into()), &REQUEST_S)?
        .set_buckets_for_metric(Matcher::Suffix("settle_seconds".into()), &SETTLE_S)?
        .build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_ok() {
        // Set once: the recorder was ours.
        let _ = RECORDER.set(handle.clone());
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(UPKEEP_EVERY);
            loop {
                ticks.tick().await;
                handle.run_upkeep();
            }
        });
    }
    Ok(())
}

/// A request was answered.
pub(crate) fn answered(method: &Method, endpoint: &'static str, status: StatusCode, took: Duration) {
    if RECORDER.get().is_none() {
        return;
    }
    histogram!("applyd_http_request_seconds", "endpoint" => endpoint).record(took.as_secs_f64());
    let (method, status) = (known(method), status.as_u16().to_string());
    counter!("applyd_http_requests_total", "method" => method, "endpoint" => endpoint, "status" => status)
        .increment(1);
}

/// A stranger may send any method; each would be a series for good.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "PUT", "TRACE", "CONNECT"];
    KNOWN.into_iter().find(|known| method == known).unwrap_or("other")
}

/// An application has come to an end, or an unknown outcome was corrected.
pub(crate) fn ended(application: &Application) {
    if RECORDER.get().is_none() {
        return;
    }
    let progress = &application.progress;
    let (status, code) = (progress.state.status().as_str(), progress.code.map_or("", Code::as_str));
    // As a poller saw it: a correction does not change that.
    let ended_at = progress.processed_at.unwrap_or(application.accepted_at);
    let took_ms = ended_at.saturating_sub(application.accepted_at).max(0);
    histogram!("applyd_application_settle_seconds", "status" => status).record(took_ms as f64 / 1e3);
    counter!("applyd_applications_ended_total", "status" => status, "code" => code).increment(1);
}

/// `GET /metrics`, for the operator's own listener.
pub(crate) fn router(store: Store) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(Arc::new(store))
}

async fn metrics(Shared(store): Shared<Arc<Store>>) -> Response {
    let Some(recorder) = RECORDER.get() else { return StatusCode::NOT_FOUND.into_response() };
    match look(&store).await {
        Ok(overview) => {
            show(&overview);
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], recorder.render()).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the numbers of the store could not be read");
            (StatusCode::SERVICE_UNAVAILABLE, "the store is not reachable\n").into_response()
        }
    }
}

async fn look(store: &Store) -> Result<Overview, Error> {
    let begun = Instant::now();
    store.write(meta::touch).await?;
    gauge!("applyd_store_write_seconds").set(begun.elapsed().as_secs_f64());
    store.read(overview::read).await
}

fn show(overview: &Overview) {
    for (state, under_way) in &overview.under_way {
        gauge!("applyd_applications_under_way", "state" => *state).set(under_way.count as f64);
        gauge!("applyd_applications_oldest_seconds", "state" => *state).set(under_way.oldest_ms as f64 / 1e3);
    }
    gauge!("applyd_applications_overdue_seconds").set(overview.overdue_ms as f64 / 1e3);
    gauge!("applyd_webhook_deliveries_waiting").set(overview.deliveries.count as f64);
    gauge!("applyd_webhook_deliveries_late_seconds").set(overview.deliveries.late_ms as f64 / 1e3);
    gauge!("applyd_webhooks_given_up").set(overview.given_up as f64);
    for (scope, count) in overview.pauses {
        gauge!("applyd_pauses", "scope" => scope).set(count as f64);
    }
    gauge!("applyd_upstream_changed").set(overview.drifted as f64);
    gauge!("applyd_verify_only").set(u8::from(overview.verifies_only));
    for (kind, credits) in
        [("available", overview.available), ("held", overview.held), ("spent", overview.spent)]
    {
        gauge!("applyd_credits", "kind" => kind).set(credits as f64);
    }
}
