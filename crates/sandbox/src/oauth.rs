//! The login: metadata, registration, consent and tokens, all at the stand-in's own address.

mod authorize;
mod register;
mod token;

pub(crate) use authorize::authorize;
pub(crate) use register::register;
pub(crate) use token::{refreshes, revoke, token};

use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::clock::now_ms;
use crate::error::Error;
use crate::memory::grants;
use crate::stand_in::StandIn;

/// Where the client thinks the stand-in is.
pub(crate) fn own_address(headers: &HeaderMap) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
    format!("http://{host}")
}

fn own_resource(headers: &HeaderMap) -> String {
    format!("{}/mcp", own_address(headers))
}

pub(crate) async fn protected_resource(headers: HeaderMap) -> Response {
    let document = json!({
        "resource": own_resource(&headers),
        "authorization_servers": [own_address(&headers)],
        "bearer_methods_supported": ["header"],
        "resource_name": "Upwork MCP (stand-in)",
    });
    json_response(StatusCode::OK, &document)
}

pub(crate) async fn authorization_server(headers: HeaderMap) -> Response {
    let own = own_address(&headers);
    let document = json!({
        "issuer": own,
        "authorization_endpoint": format!("{own}/authorize"),
        "token_endpoint": format!("{own}/token"),
        "revocation_endpoint": format!("{own}/revoke"),
        "registration_endpoint": format!("{own}/register"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "token_endpoint_auth_methods_supported":
            ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"],
        "code_challenge_methods_supported": ["S256"],
        "client_id_metadata_document_supported": true,
    });
    json_response(StatusCode::OK, &document)
}

/// The bearer token of a request and the organisation that it speaks for.
pub(crate) struct Bearer {
    pub(crate) token: String,
    pub(crate) org_uid: String,
}

/// Whose request this is; none if the token is missing, expired or revoked.
pub(crate) async fn bearer(stand_in: &StandIn, headers: &HeaderMap) -> Result<Option<Bearer>, Error> {
    let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    let Some(token) = token else { return Ok(None) };
    stand_in
        .memory
        .read(move |memory| {
            let org_uid = grants::owner(memory, &token, now_ms())?;
            Ok(org_uid.map(|org_uid| Bearer { token, org_uid }))
        })
        .await
}

/// The answer to a request without a good token.
pub(crate) fn unauthorized(headers: &HeaderMap) -> Response {
    let challenge = format!(
        "Bearer error=\"invalid_token\", error_description=\"The access token is missing or invalid\", \
         resource_metadata=\"{}/.well-known/oauth-protected-resource/mcp\"",
        own_address(headers)
    );
    let body =
        json!({"error": "invalid_token", "error_description": "The access token is missing or invalid"});
    let mut response = json_response(StatusCode::UNAUTHORIZED, &body);
    if let Ok(challenge) = challenge.parse() {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

/// A JSON body that no cache keeps.
pub(crate) fn json_response(status: StatusCode, body: &Value) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    (status, headers, body.to_string()).into_response()
}

/// An OAuth error body, HTTP 400.
fn oauth_error(error: &str, description: &str) -> Response {
    json_response(StatusCode::BAD_REQUEST, &json!({"error": error, "error_description": description}))
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        tracing::error!(error = %self, "request failed");
        json_response(StatusCode::INTERNAL_SERVER_ERROR, &json!({"error": "server_error"}))
    }
}
