//! What goes with each request: its id in the answer, where its key stands, the counters; and an answer in any case.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use applyd_core::quota::Standing;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tower::ServiceExt;

use super::refused::Refused;
use super::rewrite::rewrite;
use crate::metrics;
use crate::request::Answering;

/// Answers one request, aliases put right.
pub(crate) async fn observe<B>(router: Router, request: Request<B>) -> Response
where
    B: axum::body::HttpBody<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    let request = rewrite(request.map(Body::new));
    let (begun, method) = (Instant::now(), request.method().clone());
    let answering = Answering::begin();
    let answered = answering.scope(async move {
        let answer = AssertUnwindSafe(router.oneshot(request)).catch_unwind().await;
        let mut response = match answer {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => {
                tracing::error!("a handler panicked");
                Refused::Internal.into_response()
            }
        };
        let (status, took) = (response.status(), begun.elapsed());
        Answering::with(|answering| {
            let headers = response.headers_mut();
            if let Ok(id) = HeaderValue::try_from(answering.id()) {
                headers.insert("x-request-id", id);
            }
            if let Some(standing) = answering.standing() {
                tell(headers, &standing);
            }
            let endpoint = answering.endpoint().map_or("open", |endpoint| endpoint.name());
            metrics::answered(&method, endpoint, status, took);
            tracing::debug!(%method, endpoint, status = status.as_u16(), took_ms = took.as_secs_f64() * 1e3, "answered");
        });
        response
    });
    answered.await
}

fn tell(headers: &mut HeaderMap, standing: &Standing) {
    headers.insert("x-ratelimit-limit", HeaderValue::from(standing.limit));
    headers.insert("x-ratelimit-remaining", HeaderValue::from(standing.remaining));
    headers.insert("x-ratelimit-reset", HeaderValue::from(standing.resets_at_s));
}
