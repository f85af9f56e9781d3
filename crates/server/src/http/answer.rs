//! Answers: JSON in every case.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;

use super::refused::Refused;

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
    Refused::NoSuchPath
}

pub(crate) async fn no_such_method() -> Refused {
    Refused::NoSuchMethod
}
