//! What goes with each request: its id in the answer and in each log line, where its key stands, the counters.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Instant;

use applyd_core::quota::Standing;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use crate::metrics;

/// Set by whoever counts the request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counted(pub(crate) Arc<OnceLock<Standing>>);

/// Around each request.
pub(crate) async fn observe(mut request: Request, next: Next) -> Response {
    let (begun, id) = (Instant::now(), next_id());
    let counted = Counted::default();
    request.extensions_mut().insert(counted.clone());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let span = tracing::info_span!("request", request_id = %id);
    let mut response = next.run(request).instrument(span.clone()).await;
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert("x-request-id", id);
    }
    if let Some(standing) = counted.0.get() {
        tell(headers, standing);
    }
    let (status, took) = (response.status(), begun.elapsed());
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    metrics::answered(&method, route, status, took);
    span.in_scope(|| {
        tracing::debug!(%method, route, status = status.as_u16(), took_ms = took.as_secs_f64() * 1e3, "answered");
    });
    response
}

/// Unique within this start, and unlikely to meet again in another.
fn next_id() -> String {
    static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(fastrand::u64(..)));
    format!("{:016x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn tell(headers: &mut HeaderMap, standing: &Standing) {
    headers.insert("x-ratelimit-limit", HeaderValue::from(standing.limit));
    headers.insert("x-ratelimit-remaining", HeaderValue::from(standing.remaining));
    headers.insert("x-ratelimit-reset", HeaderValue::from(standing.resets_at_s));
}
