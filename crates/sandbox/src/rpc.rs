//! JSON-RPC over `POST /mcp`: one message a request, sessions, and the form of replies.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::behaviour::{Rate, Replies};
use crate::chance::secret;
use crate::connection::Line;
use crate::error::Error;
use crate::memory::proposals;
use crate::oauth::{Bearer, bearer, json_response, unauthorized};
use crate::stand_in::StandIn;
use crate::tools::{self, Answer};
use crate::{document, schema};

const SESSION_HEADER: &str = "mcp-session-id";
const VERSION_HEADER: &str = "mcp-protocol-version";
const REQUEST_ID_HEADER: &str = "x-request-id";
/// Protocol versions spoken, oldest first.
const VERSIONS: [&str; 3] = ["2025-03-26", "2025-06-18", "2025-11-25"];

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;

/// One message of a client.
struct Message {
    id: Option<Value>,
    method: String,
    params: Map<String, Value>,
}

/// `POST /mcp`.
pub(crate) async fn post(
    stand_in: &StandIn,
    line: Line,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    let message = match read_message(&body) {
        Ok(message) => message,
        Err(refused) => return Ok(*refused),
    };
    // Before anything can refuse it: what counts is that the whole confirm has arrived.
    receive(stand_in, &message).await?;
    let Some(bearer) = bearer(stand_in, &headers).await? else { return Ok(unauthorized(&headers)) };
    if message.method == "initialize" {
        return initialize(stand_in, &bearer, &message);
    }
    if let Some(refused) = refuse_session(stand_in, &bearer, &headers, message.id.as_ref()) {
        return Ok(refused);
    }
    let Some(id) = &message.id else { return Ok(StatusCode::ACCEPTED.into_response()) };
    match message.method.as_str() {
        "ping" => Ok(result(stand_in, id, json!({}))),
        "tools/list" => {
            Ok(result(stand_in, id, json!({"tools": schema::list(stand_in.settings.behaviour.era)})))
        }
        "tools/call" => call(stand_in, &line, &headers, &bearer, id, &message.params).await,
        _ => Ok(failure(StatusCode::OK, Some(id), METHOD_NOT_FOUND, "Method not found")),
    }
}

/// Counts a confirm of which nothing else becomes; any other message is nothing.
pub(crate) async fn count(stand_in: &StandIn, body: &[u8]) -> Result<(), Error> {
    match read_message(body) {
        Ok(message) => receive(stand_in, &message).await,
        Err(_) => Ok(()),
    }
}

async fn receive(stand_in: &StandIn, message: &Message) -> Result<(), Error> {
    match confirmed_preview(message).map(str::to_owned) {
        Some(preview_id) => {
            stand_in.memory.write(move |memory| proposals::receive(memory, &preview_id)).await
        }
        None => Ok(()),
    }
}

/// `GET /mcp`: there is no stream from the server's side.
pub(crate) async fn get(State(stand_in): State<Arc<StandIn>>, headers: HeaderMap) -> Result<Response, Error> {
    Ok(match bearer(&stand_in, &headers).await? {
        Some(_) => (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "POST, DELETE")]).into_response(),
        None => unauthorized(&headers),
    })
}

/// `DELETE /mcp`: ends a session.
pub(crate) async fn delete(
    State(stand_in): State<Arc<StandIn>>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let Some(bearer) = bearer(&stand_in, &headers).await? else { return Ok(unauthorized(&headers)) };
    let ended = header(&headers, SESSION_HEADER).is_some_and(|id| stand_in.sessions.end(id, &bearer.org_uid));
    Ok(if ended { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }.into_response())
}

fn read_message(body: &[u8]) -> Result<Message, Box<Response>> {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return Err(Box::new(failure(StatusCode::BAD_REQUEST, None, PARSE_ERROR, "Parse error")));
    };
    let mut members = document::object(value);
    let id = members.remove("id").filter(|id| !id.is_null());
    // A reply to a request of the server: there are none, and it asks for nothing.
    let method = members.get("method").and_then(Value::as_str).map(str::to_owned);
    match (members.get("jsonrpc").and_then(Value::as_str), method) {
        (Some("2.0"), Some(method)) => {
            let params = members.remove("params").map(document::object).unwrap_or_default();
            Ok(Message { id, method, params })
        }
        _ => Err(Box::new(failure(StatusCode::BAD_REQUEST, None, INVALID_REQUEST, "Invalid Request"))),
    }
}

fn confirmed_preview(message: &Message) -> Option<&str> {
    let name = document::text(&message.params, "name")?;
    let name = name.strip_prefix(schema::PREFIX).unwrap_or(name);
    if message.method != "tools/call" || !matches!(name, "confirm_preview" | "confirm_draft") {
        return None;
    }
    let params = message.params.get("arguments")?.get("params")?;
    params.get("preview_id").or_else(|| params.get("draft_id"))?.as_str()
}

fn initialize(stand_in: &StandIn, bearer: &Bearer, message: &Message) -> Result<Response, Error> {
    let Some(id) = &message.id else { return Ok(StatusCode::BAD_REQUEST.into_response()) };
    let asked = document::text(&message.params, "protocolVersion").unwrap_or_default();
    let version = VERSIONS.into_iter().find(|version| *version == asked).unwrap_or(VERSIONS[2]);
    let session = secret("session_")?;
    stand_in.sessions.begin(&session, &bearer.org_uid);
    let mut response = result(
        stand_in,
        id,
        json!({
            "protocolVersion": version,
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "Upwork MCP stand-in", "version": env!("CARGO_PKG_VERSION")},
        }),
    );
    if let Ok(value) = session.parse() {
        response.headers_mut().insert(SESSION_HEADER, value);
    }
    Ok(response)
}

fn refuse_session(
    stand_in: &StandIn,
    bearer: &Bearer,
    headers: &HeaderMap,
    id: Option<&Value>,
) -> Option<Response> {
    if header(headers, VERSION_HEADER).is_some_and(|version| !VERSIONS.contains(&version)) {
        let text = "Unsupported protocol version";
        return Some(failure(StatusCode::BAD_REQUEST, id, INVALID_REQUEST, text));
    }
    let Some(session) = header(headers, SESSION_HEADER) else {
        let text = "No session: send initialize first";
        return Some(failure(StatusCode::BAD_REQUEST, id, INVALID_REQUEST, text));
    };
    let known = stand_in.sessions.knows(session, &bearer.org_uid);
    (!known).then(|| failure(StatusCode::NOT_FOUND, id, INVALID_REQUEST, "Session not found"))
}

async fn call(
    stand_in: &StandIn,
    line: &Line,
    headers: &HeaderMap,
    bearer: &Bearer,
    id: &Value,
    params: &Map<String, Value>,
) -> Result<Response, Error> {
    if let Rate::TooManyRequests { retry_after_seconds } = stand_in.settings.behaviour.rate {
        let retry_after = [(RETRY_AFTER, retry_after_seconds.to_string())];
        return Ok((StatusCode::TOO_MANY_REQUESTS, retry_after).into_response());
    }
    let name = document::text(params, "name").unwrap_or_default();
    let Some(tool) = name.strip_prefix(schema::PREFIX) else {
        let text = format!("invalid tool name {name:?}: invalid resource name");
        return Ok(failure(StatusCode::BAD_REQUEST, Some(id), INVALID_PARAMS, &text));
    };
    if !schema::names(stand_in.settings.behaviour.era).contains(&tool) {
        return Ok(failure(StatusCode::OK, Some(id), INVALID_PARAMS, &format!("Unknown tool: {name}")));
    }
    let arguments = params.get("arguments").cloned().map(document::object).unwrap_or_default();
    let request_id = header(headers, REQUEST_ID_HEADER);
    let answer = tools::call(stand_in, bearer, request_id, tool, arguments).await?;
    Ok(match answer {
        Answer::Document(document) => result(stand_in, id, tool_result(stand_in, document)),
        Answer::Text(text) => {
            result(stand_in, id, json!({"content": [{"type": "text", "text": text}], "isError": true}))
        }
        Answer::Unauthorized => unauthorized(headers),
        Answer::Status(status) => status.into_response(),
        Answer::Html(status) => {
            (status, [(CONTENT_TYPE, "text/html")], "<!doctype html><title>Just a moment</title>")
                .into_response()
        }
        Answer::HangUp(how) => {
            line.hang_up(how).await;
            StatusCode::BAD_GATEWAY.into_response()
        }
        Answer::Silence => {
            line.until_gone().await;
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
    })
}

fn tool_result(stand_in: &StandIn, document: Map<String, Value>) -> Value {
    let is_error = document.get("status").is_some_and(|status| status == "error");
    let text = Value::Object(document.clone()).to_string();
    let mut result = json!({"content": [{"type": "text", "text": text}], "isError": is_error});
    if stand_in.settings.behaviour.structured {
        result["structuredContent"] = Value::Object(document);
    }
    result
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn failure(status: StatusCode, id: Option<&Value>, code: i64, message: &str) -> Response {
    json_response(status, &json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}))
}

fn result(stand_in: &StandIn, id: &Value, mut result: Value) -> Response {
    if stand_in.settings.behaviour.extra_members {
        result["cacheScope"] = "session".into();
    }
    let reply = json!({"jsonrpc": "2.0", "id": id, "result": result});
    match stand_in.settings.behaviour.replies {
        Replies::Json => json_response(StatusCode::OK, &reply),
        Replies::EventStream => {
            let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
            (headers, event_stream(&reply)).into_response()
        }
    }
}

/// The hardest form that the rules of event streams allow: CRLF, a comment, another message, split data.
fn event_stream(reply: &Value) -> String {
    let notification = json!({
        "jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "working"},
    });
    let data: String = format!("{reply:#}").lines().map(|line| format!("data: {line}\r\n")).collect();
    format!(": keep-alive\r\n\r\nevent: message\r\ndata: {notification}\r\n\r\nevent: message\r\n{data}\r\n")
}
