//! The consent page, which consents by itself.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use url::Url;

use super::{oauth_error, own_resource};
use crate::chance::secret;
use crate::clock::now_ms;
use crate::error::Error;
use crate::memory::grants::{self, Code};
use crate::stand_in::StandIn;

/// Life of a code.
const CODE_LIFE_MS: i64 = 10 * 60 * 1000;
/// Characters of an S256 challenge.
const CHALLENGE_CHARS: usize = 43;
/// Whose organisation it is where nobody is named.
const NOBODY: &str = "nobody";

/// `GET /authorize`.
pub(crate) async fn authorize(
    State(stand_in): State<Arc<StandIn>>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Error> {
    let asked = |name: &str| query.get(name).cloned().unwrap_or_default();
    let (client_id, redirect_uri) = (asked("client_id"), asked("redirect_uri"));
    let known = client_id.clone();
    let redirects = stand_in.memory.read(move |memory| grants::redirects(memory, &known)).await?;
    let Some(redirects) = redirects else {
        return Ok(oauth_error("invalid_client", "unknown client_id"));
    };
    // An address that is not the client's own gets neither code nor error (an open redirect).
    let Ok(mut target) = Url::parse(&redirect_uri) else {
        return Ok(oauth_error("invalid_redirect_uri", "redirect_uri is no address"));
    };
    if !redirects.iter().any(|registered| Url::parse(registered).is_ok_and(|own| same_place(&own, &target))) {
        return Ok(oauth_error("invalid_redirect_uri", "redirect_uri is not registered"));
    }

    let refused = if asked("response_type") != "code" {
        Some("unsupported_response_type")
    } else if asked("resource") != own_resource(&headers) {
        Some("invalid_target")
    } else if asked("code_challenge_method") != "S256" || asked("code_challenge").len() != CHALLENGE_CHARS {
        Some("invalid_request")
    } else {
        None
    };
    if let Some(error) = refused {
        target.query_pairs_mut().append_pair("error", error);
    } else {
        let code = secret("code_")?;
        target.query_pairs_mut().append_pair("code", &code);
        let login_hint = query.get("login_hint").cloned().unwrap_or_else(|| NOBODY.into());
        let (challenge, resource) = (asked("code_challenge"), asked("resource"));
        stand_in
            .memory
            .write(move |memory| {
                let org_uid = grants::organisation(memory, &login_hint)?;
                let expires_ms = now_ms() + CODE_LIFE_MS;
                let code = Code { code, client_id, redirect_uri, challenge, resource, org_uid, expires_ms };
                grants::add_code(memory, &code)
            })
            .await?;
    }
    if let Some(state) = query.get("state") {
        target.query_pairs_mut().append_pair("state", state);
    }
    Ok((StatusCode::FOUND, [(LOCATION, String::from(target))]).into_response())
}

/// Whether two addresses are one; on this machine the port may differ, as it is picked at each login.
fn same_place(registered: &Url, asked: &Url) -> bool {
    let local = matches!(registered.host_str(), Some("localhost" | "127.0.0.1"));
    registered.scheme() == asked.scheme()
        && registered.host_str() == asked.host_str()
        && registered.path() == asked.path()
        && registered.query() == asked.query()
        && (local || registered.port() == asked.port())
}
