//! Tokens: given for a code, rotated by a refresh, ended by a revocation.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{json_response, oauth_error, own_resource};
use crate::behaviour::Refresh;
use crate::chance::secret;
use crate::clock::{millis, now_ms};
use crate::connection::{HangUp, Line};
use crate::error::Error;
use crate::memory::grants::{self, Pair};
use crate::stand_in::StandIn;

type Form = HashMap<String, String>;

/// `POST /token`.
pub(crate) async fn token(
    State(stand_in): State<Arc<StandIn>>,
    Extension(line): Extension<Line>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    let form = read_form(&body);
    // A refresh need not name the resource again, but a wrong one is refused.
    if form.get("resource").is_some_and(|asked| *asked != own_resource(&headers)) {
        return Ok(oauth_error("invalid_target", "the resource is another server's"));
    }
    match form.get("grant_type").map(String::as_str) {
        Some("authorization_code") => redeem(&stand_in, &form).await,
        Some("refresh_token") => {
            let answer = refresh(&stand_in, &form).await?;
            if stand_in.settings.behaviour.refresh == Refresh::AnswerLost {
                line.hang_up(HangUp::Close).await;
            }
            Ok(answer)
        }
        _ => Ok(oauth_error("unsupported_grant_type", "authorization_code and refresh_token only")),
    }
}

/// `GET /sandbox/refreshes`: what tests judge by.
pub(crate) async fn refreshes(State(stand_in): State<Arc<StandIn>>) -> Result<Response, Error> {
    let (sent, again) = stand_in.memory.read(grants::refreshes).await?;
    Ok(json_response(StatusCode::OK, &json!({"sent": sent, "again": again})))
}

/// `POST /revoke`.
pub(crate) async fn revoke(State(stand_in): State<Arc<StandIn>>, body: Bytes) -> Result<Response, Error> {
    let token = read_form(&body).remove("token").unwrap_or_default();
    stand_in.memory.write(move |memory| grants::revoke(memory, &token)).await?;
    Ok(json_response(StatusCode::OK, &json!({})))
}

async fn redeem(stand_in: &StandIn, form: &Form) -> Result<Response, Error> {
    let asked = |name: &str| form.get(name).cloned().unwrap_or_default();
    let code = asked("code");
    let Some(code) = stand_in.memory.write(move |memory| grants::take_code(memory, &code)).await? else {
        return Ok(oauth_error("invalid_grant", "the code is unknown or was used"));
    };
    let verified = URL_SAFE_NO_PAD.encode(Sha256::digest(asked("code_verifier"))) == code.challenge;
    let bound = asked("client_id") == code.client_id
        && asked("redirect_uri") == code.redirect_uri
        && asked("resource") == code.resource;
    if !verified || !bound || code.expires_ms <= now_ms() {
        return Ok(oauth_error("invalid_grant", "the code was not given for this request"));
    }
    let (pair, grant_id) = (new_pair(stand_in)?, secret("grant_")?);
    let answer = pair_response(stand_in, &pair);
    stand_in
        .memory
        .write(move |memory| grants::add_pair(memory, &pair, &grant_id, &code.client_id, &code.org_uid))
        .await?;
    Ok(answer)
}

async fn refresh(stand_in: &StandIn, form: &Form) -> Result<Response, Error> {
    let asked = |name: &str| form.get(name).cloned().unwrap_or_default();
    let (refresh, client_id) = (asked("refresh_token"), asked("client_id"));
    let pair = new_pair(stand_in)?;
    let answer = pair_response(stand_in, &pair);
    let rotated =
        stand_in.memory.write(move |memory| grants::rotate(memory, &refresh, &client_id, &pair)).await?;
    Ok(if rotated {
        answer
    } else {
        oauth_error("invalid_grant", "the refresh token is unknown or was used")
    })
}

fn new_pair(stand_in: &StandIn) -> Result<Pair, Error> {
    Ok(Pair {
        access: secret("access_")?,
        refresh: secret("refresh_")?,
        expires_ms: now_ms() + millis(stand_in.settings.behaviour.token_life),
    })
}

fn pair_response(stand_in: &StandIn, pair: &Pair) -> Response {
    let document = json!({
        "token_type": "Bearer",
        "access_token": pair.access,
        "refresh_token": pair.refresh,
        "expires_in": stand_in.settings.behaviour.token_life.as_secs(),
    });
    json_response(StatusCode::OK, &document)
}

fn read_form(body: &[u8]) -> Form {
    url::form_urlencoded::parse(body).into_owned().collect()
}
