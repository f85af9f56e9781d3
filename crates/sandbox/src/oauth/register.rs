//! Registration of clients.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use url::Url;

use super::{json_response, oauth_error, own_address};
use crate::chance::secret;
use crate::clock::now_ms;
use crate::error::Error;
use crate::memory::grants;
use crate::stand_in::StandIn;

/// Redirect addresses that one client may have.
const MAX_REDIRECTS: usize = 10;
/// Sites, besides this machine, that codes may be sent to.
const KNOWN_SITES: [&str; 3] = ["claude.ai", "chatgpt.com", "cursor.com"];

/// `POST /register`.
pub(crate) async fn register(
    State(stand_in): State<Arc<StandIn>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    let Ok(mut document) = serde_json::from_slice::<Map<String, Value>>(&body) else {
        return Ok(oauth_error("invalid_client_metadata", "the body is no JSON object"));
    };
    let redirects: Vec<String> = match document.get("redirect_uris").and_then(Value::as_array) {
        Some(uris) => uris.iter().filter_map(|uri| uri.as_str().map(str::to_owned)).collect(),
        None => Vec::new(),
    };
    let acceptable = (1..=MAX_REDIRECTS).contains(&redirects.len())
        && redirects.iter().all(|uri| Url::parse(uri).is_ok_and(|uri| is_allowed(&uri)));
    if !acceptable {
        return Ok(oauth_error("invalid_redirect_uri", "a redirect address is missing or not allowed"));
    }
    let client_id = secret("client_")?;
    let known = client_id.clone();
    stand_in.memory.write(move |memory| grants::add_client(memory, &known, &redirects)).await?;

    let registration = format!("{}/register/{client_id}", own_address(&headers));
    document.insert("client_id".into(), client_id.into());
    document.insert("client_id_issued_at".into(), json!(now_ms() / 1000));
    document.insert("client_secret_expires_at".into(), json!(0));
    document.insert("registration_access_token".into(), secret("registration_")?.into());
    document.insert("registration_client_uri".into(), registration.into());
    document.insert("token_endpoint_auth_method".into(), "none".into());
    Ok(json_response(StatusCode::CREATED, &Value::Object(document)))
}

fn is_allowed(uri: &Url) -> bool {
    match (uri.scheme(), uri.host_str()) {
        ("http", Some("localhost" | "127.0.0.1")) | ("https", Some("127.0.0.1")) => true,
        ("https", Some(host)) => KNOWN_SITES.contains(&host),
        _ => false,
    }
}
