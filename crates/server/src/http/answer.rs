//! Answers: JSON in every case, a string `error` in every refusal.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use applyd_core::refusal::{Kind, Refusal};
use applyd_store::Error;
use applyd_wire::ErrorAnswer;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;

/// The contract's wait after a 503 that names no better one.
pub(crate) const UNAVAILABLE_RETRY_S: i64 = 60;

/// An answer that is not a success.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    body: ErrorAnswer,
    retry_after_s: Option<i64>,
}

impl Refused {
    pub(crate) fn new(status: StatusCode, error: &str) -> Self {
        Self::with(status, ErrorAnswer::text(error))
    }

    pub(crate) fn with(status: StatusCode, body: ErrorAnswer) -> Self {
        Self { status, body, retry_after_s: None }
    }

    pub(crate) fn after(self, wait: std::time::Duration) -> Self {
        Self { retry_after_s: i64::try_from(wait.as_secs()).ok(), ..self }
    }

    pub(crate) fn unavailable(error: &str, retry_after_s: i64) -> Self {
        let refused = Self::new(StatusCode::SERVICE_UNAVAILABLE, error);
        Self { retry_after_s: Some(retry_after_s), ..refused }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.kind {
            Kind::Shape => StatusCode::BAD_REQUEST,
            Kind::Meaning => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let body = ErrorAnswer { field: Some(refusal.field), ..ErrorAnswer::text(refusal.message) };
        Self::with(status, body)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        match error {
            Error::Panicked | Error::Damaged(_) => {
                tracing::error!(%error, "a request failed by our fault");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal error")
            }
            error => {
                tracing::error!(%error, "the store is not reachable");
                Self::unavailable("The store is not reachable", UNAVAILABLE_RETRY_S)
            }
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = json(self.status, &self.body);
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => ready(status, bytes.into()),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            ready(StatusCode::INTERNAL_SERVER_ERROR, Bytes::from_static(br#"{"error":"Internal error"}"#))
        }
    }
}

/// An answer whose JSON bytes are there already.
pub(crate) fn ready(status: StatusCode, body: Bytes) -> Response {
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub(crate) async fn no_such_path() -> Refused {
    Refused::new(StatusCode::NOT_FOUND, "No such path")
}

pub(crate) async fn no_such_method() -> Refused {
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, "No such method on this path")
}

pub(crate) async fn healthy() -> Response {
    ready(StatusCode::OK, Bytes::from_static(br#"{"status":"ok"}"#))
}

/// Each answer has its own id; unique within this start, and unlikely to meet again in another.
pub(crate) async fn with_request_id(mut response: Response) -> Response {
    static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(fastrand::u64(..)));
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    if let Ok(value) = HeaderValue::from_str(&format!("{number:016x}")) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}
