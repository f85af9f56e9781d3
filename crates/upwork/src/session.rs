//! One MCP session: the handshake, and calls of the allowed tools.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::Full;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use url::Url;

use crate::document::{Reading, Refusal};
use crate::fault::Fault;
use crate::grants::Access;
use crate::intake::Intake;
use crate::pace::Turns;
use crate::tool::Tool;
use crate::transport::{Transport, content_type, status_fault};

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const ASKED_VERSION: &str = "2025-06-18";
const SPOKEN_VERSIONS: [&str; 3] = ["2025-03-26", "2025-06-18", "2025-11-25"];
const METHOD_NOT_FOUND: i64 = -32601;
const MAX_LIST_PAGES: usize = 10;
/// A lost session shows so.
const SESSION_LOST: [u16; 2] = [400, 404];

/// A session of one grant, for one application or one read.
pub(crate) struct Session {
    transport: Arc<Transport>,
    url: Url,
    headers: HeaderMap,
    /// The pair of tokens that it goes by.
    pair: i64,
    /// At the site's rate, if it has to be spared.
    turns: Option<Turns>,
    next_id: AtomicU64,
    handshake: Mutex<Arc<Handshake>>,
}

/// What the server gave at the start.
#[derive(Default)]
struct Handshake {
    headers: HeaderMap,
}

impl Session {
    /// Initializes a session at `url`; `label`, if there is one, goes with every call as `X-Request-Id`.
    pub(crate) async fn open(
        transport: Arc<Transport>,
        url: Url,
        access: &Access,
        label: Option<&str>,
        turns: Option<Turns>,
    ) -> Result<Self, Fault> {
        let session = Self {
            transport,
            url,
            headers: headers(&access.bearer, label)?,
            pair: access.pair,
            turns,
            next_id: AtomicU64::new(1),
            handshake: Mutex::default(),
        };
        let handshake = session.initialize().await?;
        *session.handshake.lock().await = Arc::new(handshake);
        Ok(session)
    }

    /// The protocol's version that is spoken.
    pub(crate) async fn version(&self) -> String {
        let handshake = self.handshake.lock().await.clone();
        let version = handshake.headers.get(PROTOCOL_VERSION).and_then(|version| version.to_str().ok());
        version.unwrap_or_default().to_owned()
    }

    /// The tools that the server lists, over all pages.
    pub(crate) async fn tools(&self) -> Result<Vec<Value>, Fault> {
        let mut tools = Vec::new();
        let mut cursor = Value::Null;
        for _ in 0..MAX_LIST_PAGES {
            let params = if cursor.is_null() { Value::Null } else { json!({"cursor": cursor}) };
            let mut result = self.request(None, "tools/list", &params).await?;
            let page = result["tools"].as_array_mut().ok_or(Fault::Missing("tools"))?;
            tools.append(page);
            cursor = result["nextCursor"].take();
            if cursor.is_null() {
                break;
            }
        }
        Ok(tools)
    }

    /// Calls a tool; the document of a success.
    pub(crate) async fn call(&self, tool: Tool, org_uid: &str, params: Value) -> Result<Value, Fault> {
        let result = self.request(Some(tool), "tools/call", &tool.call(org_uid, params)).await?;
        let accepted = Reading::of(&result).accepted();
        if let Err(after_ms) = accepted.as_ref().map_err(Refusal::after_ms) {
            self.hold(Some(tool), after_ms).await;
        }
        Ok(accepted?)
    }

    /// Waits until a call of `tool` (none: another message) may be sent.
    pub(crate) async fn turn(&self, tool: Option<Tool>) -> Result<(), Fault> {
        match &self.turns {
            Some(turns) => turns.turn(tool).await,
            None => Ok(()),
        }
    }

    /// The turns of this session, for a call that another connection sends.
    pub(crate) fn turns(&self) -> Option<Turns> {
        self.turns.clone()
    }

    async fn hold(&self, tool: Option<Tool>, after_ms: Option<i64>) {
        if let (Some(turns), Some(after_ms)) = (&self.turns, after_ms) {
            turns.hold(tool, after_ms).await;
        }
    }

    /// The request of a call that another connection sends, and its id.
    pub(crate) async fn detached(
        &self,
        tool: Tool,
        org_uid: &str,
        params: Value,
    ) -> Result<(u64, http::Request<Full<Bytes>>), Fault> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let body = message(Some(id), "tools/call", &tool.call(org_uid, params));
        let mut request = http::Request::new(Full::new(Bytes::from(body.to_string())));
        *request.method_mut() = Method::POST;
        let target = &self.url[url::Position::BeforePath..url::Position::AfterQuery];
        *request.uri_mut() = target.parse().map_err(|_| Fault::Missing("usable address"))?;
        let headers = request.headers_mut();
        headers.extend(self.headers.clone());
        headers.extend(self.handshake.lock().await.headers.clone());
        let authority = &self.url[url::Position::BeforeHost..url::Position::AfterPort];
        headers.insert(HOST, authority.parse().map_err(|_| Fault::Missing("usable address"))?);
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("applyd/", env!("CARGO_PKG_VERSION"))));
        Ok((id, request))
    }

    /// Sends a request; a read is repeated once in a new session when the old one was lost.
    async fn request(&self, tool: Option<Tool>, method: &str, params: &Value) -> Result<Value, Fault> {
        self.turn(tool).await?;
        let handshake = self.handshake.lock().await.clone();
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let answer = self.exchange(&handshake, id, method, params).await;
        let is_read = tool.is_none_or(Tool::is_read);
        let has_session = handshake.headers.contains_key(SESSION_ID);
        match answer {
            Err(Fault::Status { status, .. }) if is_read && has_session && SESSION_LOST.contains(&status) => {
                let renewed = self.restart(&handshake).await?;
                self.turn(tool).await?;
                let id = self.next_id.fetch_add(1, Ordering::Relaxed);
                self.exchange(&renewed, id, method, params).await
            }
            answer => answer,
        }
    }

    /// Begins anew, unless a call beside this one has done so.
    async fn restart(&self, lost: &Arc<Handshake>) -> Result<Arc<Handshake>, Fault> {
        let mut current = self.handshake.lock().await;
        if Arc::ptr_eq(&current, lost) {
            *current = Arc::new(self.initialize().await?);
        }
        Ok(current.clone())
    }

    async fn initialize(&self) -> Result<Handshake, Fault> {
        let params = json!({
            "protocolVersion": ASKED_VERSION,
            "capabilities": {},
            "clientInfo": {"name": "applyd", "version": env!("CARGO_PKG_VERSION")},
        });
        self.turn(None).await?;
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let first = Handshake::default();
        let response = self.post(&first, &message(Some(id), "initialize", &params)).await?;
        let session_id = response.headers().get(SESSION_ID).cloned();
        let result = self.reply(&first, id, response).await?;
        let version = result["protocolVersion"].as_str().unwrap_or_default();
        let Some(version) = SPOKEN_VERSIONS.into_iter().find(|spoken| *spoken == version) else {
            return Err(Fault::Missing("protocol version that is spoken here"));
        };
        let mut handshake = Handshake::default();
        handshake.headers.insert(PROTOCOL_VERSION, HeaderValue::from_static(version));
        if let Some(session_id) = session_id {
            handshake.headers.insert(SESSION_ID, session_id);
        }
        self.post(&handshake, &message(None, "notifications/initialized", &Value::Null)).await?;
        Ok(handshake)
    }

    async fn exchange(
        &self,
        handshake: &Handshake,
        id: u64,
        method: &str,
        params: &Value,
    ) -> Result<Value, Fault> {
        let response = self.post(handshake, &message(Some(id), method, params)).await?;
        self.reply(handshake, id, response).await
    }

    async fn post(&self, handshake: &Handshake, message: &Value) -> Result<reqwest::Response, Fault> {
        let request = self
            .transport
            .client()
            .post(self.url.clone())
            .headers(self.headers.clone())
            .headers(handshake.headers.clone())
            .body(message.to_string())
            .build()?;
        let response = self.transport.send(request).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            return Err(Fault::Login { pair: self.pair });
        }
        if !response.status().is_success() {
            let fault = status_fault(response.status().as_u16(), response.headers());
            if let Fault::Status { after_ms, .. } = fault {
                self.hold(None, after_ms).await;
            }
            return Err(fault);
        }
        Ok(response)
    }

    /// Reads up to the reply; requests of the server are declined meanwhile, or it might wait for us.
    async fn reply(
        &self,
        handshake: &Handshake,
        id: u64,
        mut response: reqwest::Response,
    ) -> Result<Value, Fault> {
        let mut intake = Intake::new(content_type(response.headers()), id)?;
        let mut reply = None;
        while reply.is_none() {
            let Some(chunk) = response.chunk().await? else { break };
            reply = intake.take(&chunk)?;
            for asked in intake.asked() {
                let error = json!({"code": METHOD_NOT_FOUND, "message": "Method not found"});
                self.post(handshake, &json!({"jsonrpc": "2.0", "id": asked, "error": error})).await?;
            }
        }
        let mut reply = match reply {
            Some(reply) => reply,
            None => intake.end()?,
        };
        if let Some(error) = reply.get("error") {
            let code = error.get("code").and_then(Value::as_i64).unwrap_or_default();
            let message = error.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
            return Err(Fault::Rpc { code, message });
        }
        match reply["result"].take() {
            Value::Null => Err(Fault::Missing("result")),
            result => Ok(result),
        }
    }
}

/// Without an id it is a notification; what is null is left out.
fn message(id: Option<u64>, method: &str, params: &Value) -> Value {
    let mut message = json!({"jsonrpc": "2.0", "method": method});
    if let Some(id) = id {
        message["id"] = id.into();
    }
    if !params.is_null() {
        message["params"] = params.clone();
    }
    message
}

fn headers(bearer: &SecretString, label: Option<&str>) -> Result<HeaderMap, Fault> {
    let mut authorization = HeaderValue::from_str(&format!("Bearer {}", bearer.expose_secret()))
        .map_err(|_| Fault::Missing("usable access token"))?;
    authorization.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, authorization);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    if let Some(label) = label {
        headers.insert(REQUEST_ID, HeaderValue::from_str(label).map_err(|_| Fault::Missing("usable label"))?);
    }
    Ok(headers)
}
