//! Answers in another form, and documents with other contents.

use axum::body::to_bytes;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

/// Far more than any answer has.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// An answer that is one JSON-RPC reply; any other comes back as it is.
pub(super) async fn reply(response: Response) -> Result<(HeaderMap, Value), Response> {
    let is_json = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if response.status() != StatusCode::OK || !is_json {
        return Err(response);
    }
    let (head, body) = response.into_parts();
    let body = to_bytes(body, MAX_ANSWER_BYTES).await.unwrap_or_default();
    match serde_json::from_slice(&body) {
        Ok(reply) => Ok((head.headers, reply)),
        Err(_) => Err(Response::from_parts(head, body.into())),
    }
}

/// The answer with a changed reply.
pub(super) async fn edited(response: Response, change: impl FnOnce(&mut Value)) -> Response {
    match reply(response).await {
        Ok((headers, mut reply)) => {
            change(&mut reply);
            json_answer(headers, &reply)
        }
        Err(response) => response,
    }
}

/// The answer with a changed document, in the text as in the structured content.
pub(super) async fn redocumented(response: Response, change: impl FnOnce(&mut Value)) -> Response {
    edited(response, |reply| {
        let text = &mut reply["result"]["content"][0]["text"];
        let document = text.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let Some(mut document) = document else { return };
        change(&mut document);
        *text = document.to_string().into();
        if let Some(structured) = reply["result"].get_mut("structuredContent") {
            *structured = document;
        }
    })
    .await
}

/// The answer as an event stream: comments and a notification first; where it is `twice`, replies to others too,
/// and the reply once more.
pub(super) async fn streamed(response: Response, twice: bool) -> Response {
    let (mut headers, reply) = match reply(response).await {
        Ok(answer) => answer,
        Err(response) => return response,
    };
    let notification = json!({
        "jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "working"},
    });
    let other = |id: &str| json!({"jsonrpc": "2.0", "id": id, "result": {"isError": true, "content": []}});
    let event = |message: &Value| {
        let data: String = format!("{message:#}").lines().map(|line| format!("data: {line}\r\n")).collect();
        format!(": keep-alive\r\n\r\nevent: message\r\n{data}\r\n")
    };
    let messages = if twice {
        vec![notification, other("a1"), other("a2"), reply.clone(), reply]
    } else {
        vec![notification, reply]
    };
    headers.remove(CONTENT_TYPE);
    headers.remove("content-length");
    let body: String = messages.iter().map(event).collect();
    let head = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    (headers, head, body).into_response()
}

/// A page for people.
pub(super) fn page(status: StatusCode) -> Response {
    let body = "<!doctype html><title>Just a moment...</title><p>Checking your browser.";
    (status, [(CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response()
}

fn json_answer(mut headers: HeaderMap, reply: &Value) -> Response {
    headers.remove("content-length");
    (headers, reply.to_string()).into_response()
}
