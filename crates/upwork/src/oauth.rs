//! The login: where the endpoints are, registration, consent, and tokens.

mod metadata;
mod pkce;

use std::sync::Arc;

use http::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use url::Url;

use crate::endpoint::Endpoint;
use crate::fault::Fault;
use crate::transport::{Answer, Transport, status_fault};
use metadata::Metadata;
use pkce::Pkce;

/// A loopback address that nobody listens at: the redirect to it is read, not followed.
const REDIRECT_URI: &str = "http://127.0.0.1/callback";
/// Life of an access token whose life was not told, in seconds.
const ASSUMED_LIFE_SECONDS: i64 = 3600;

/// The login of one endpoint.
pub(crate) struct OAuth {
    transport: Arc<Transport>,
    endpoint: Arc<Endpoint>,
    metadata: OnceCell<Metadata>,
}

/// Tokens as the server gave them.
pub(crate) struct Pair {
    pub(crate) access: SecretString,
    /// Missing in the answer to a refresh: the old one stays good.
    pub(crate) refresh: Option<SecretString>,
    pub(crate) life_ms: i64,
}

/// Why the login brought no tokens.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Denied {
    /// Another try may work.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The server does not know the client any more.
    #[error("the client is not registered")]
    UnknownClient,
    /// The server said no: `error` and `error_description`.
    #[error("refused: {0}")]
    Refused(String),
}

impl OAuth {
    /// Nothing is asked yet.
    pub(crate) fn new(transport: Arc<Transport>, endpoint: Arc<Endpoint>) -> Self {
        Self { transport, endpoint, metadata: OnceCell::new() }
    }

    /// Registers a client; its id.
    pub(crate) async fn register(&self) -> Result<String, Denied> {
        let registration = json!({
            "client_name": "applyd",
            "redirect_uris": [REDIRECT_URI],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        });
        let told = self.metadata().await?.registration_endpoint.clone();
        let answer = self.post_json(&told, &registration).await?;
        let is_elsewhere = matches!(answer.status, 404 | 405) || answer.object().is_none();
        let own = self.endpoint.at("/register");
        // The told address has been the sign-up page for some.
        let answer =
            if is_elsewhere && own != told { self.post_json(&own, &registration).await? } else { answer };
        let document = document(&answer)?;
        let client_id = document["client_id"].as_str().ok_or(Fault::Missing("client_id"))?;
        Ok(client_id.to_owned())
    }

    /// Lets the stand-in consent for `login_hint`, and redeems the code.
    pub(crate) async fn consent(&self, client_id: &str, login_hint: &str) -> Result<Pair, Denied> {
        let metadata = self.metadata().await?;
        let pkce = Pkce::new().map_err(|_| Fault::Missing("random numbers"))?;
        let mut url = metadata.authorization_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", client_id)
            .append_pair("redirect_uri", REDIRECT_URI)
            .append_pair("state", &pkce.state)
            .append_pair("code_challenge", &pkce.challenge())
            .append_pair("code_challenge_method", "S256")
            .append_pair("resource", &metadata.resource)
            .append_pair("login_hint", login_hint);
        let request = self.transport.client().get(url).build().map_err(Fault::from)?;
        let answer = self.transport.fetch(request).await?;
        let code = code_of(&answer, &pkce.state)?;
        let verifier = pkce.verifier.expose_secret();
        self.token(&[
            ("grant_type", "authorization_code"),
            ("code", code.expose_secret()),
            ("redirect_uri", REDIRECT_URI),
            ("client_id", client_id),
            ("code_verifier", verifier),
            ("resource", &metadata.resource),
        ])
        .await
    }

    /// Trades the refresh token, which is good for one use, for a new pair.
    pub(crate) async fn refresh(&self, client_id: &str, refresh: &SecretString) -> Result<Pair, Denied> {
        let resource = &self.metadata().await?.resource;
        self.token(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose_secret()),
            ("client_id", client_id),
            ("resource", resource),
        ])
        .await
    }

    async fn metadata(&self) -> Result<&Metadata, Fault> {
        self.metadata.get_or_try_init(|| Metadata::discover(&self.transport, &self.endpoint)).await
    }

    async fn token(&self, form: &[(&str, &str)]) -> Result<Pair, Denied> {
        let url = self.metadata().await?.token_endpoint.clone();
        let request = self.transport.client().post(url).header(ACCEPT, "application/json").form(form);
        let answer = self.transport.fetch(request.build().map_err(Fault::from)?).await?;
        let document = document(&answer)?;
        let access = document["access_token"].as_str().ok_or(Fault::Missing("access_token"))?;
        let life_seconds = document["expires_in"].as_i64().unwrap_or(ASSUMED_LIFE_SECONDS);
        Ok(Pair {
            access: access.into(),
            refresh: document["refresh_token"].as_str().map(SecretString::from),
            life_ms: life_seconds.saturating_mul(1000),
        })
    }

    async fn post_json(&self, url: &Url, body: &Value) -> Result<Answer, Fault> {
        let request = self
            .transport
            .client()
            .post(url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .body(body.to_string())
            .build()?;
        self.transport.fetch(request).await
    }
}

/// The JSON object of a success; HTML, as bot protection shows it, is a passing fault whatever its status.
fn document(answer: &Answer) -> Result<Value, Denied> {
    let Some(document) = answer.object() else {
        return Err(status_fault(answer.status, &answer.headers).into());
    };
    match answer.status {
        200..300 => Ok(document),
        400 | 401 => Err(refused(&document)),
        _ if document["error"] == "invalid_grant" => Err(refused(&document)),
        status => Err(status_fault(status, &answer.headers).into()),
    }
}

fn refused(document: &Value) -> Denied {
    let said = |key: &str| document[key].as_str().unwrap_or_default().to_owned();
    match said("error").as_str() {
        "invalid_client" | "unauthorized_client" => Denied::UnknownClient,
        error => Denied::Refused(format!("{error} {}", said("error_description"))),
    }
}

/// The code in the address that the consent page sends the browser to.
fn code_of(answer: &Answer, state: &str) -> Result<SecretString, Denied> {
    if answer.status != 302 && answer.status != 303 {
        return Err(document(answer).err().unwrap_or_else(|| Fault::Missing("redirect").into()));
    }
    let location = answer.headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let location = location.and_then(|text| Url::parse(text).ok()).ok_or(Fault::Missing("redirect"))?;
    let member =
        |name: &str| location.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let is_ours =
        location[..url::Position::AfterPath] == *REDIRECT_URI && member("state").as_deref() == Some(state);
    if !is_ours {
        return Err(Fault::Missing("redirect of our own").into());
    }
    match (member("code"), member("error")) {
        (Some(code), None) => Ok(code.into()),
        (_, error) => Err(Denied::Refused(error.unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn redirect(location: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, HeaderValue::from_str(location).unwrap());
        Answer { status: 302, headers, body: Vec::new() }
    }

    #[test]
    fn a_code_counts_only_with_our_state_at_our_address() {
        let code =
            |location: &str| code_of(&redirect(location), "s").map(|code| code.expose_secret().to_owned());
        assert_eq!(code("http://127.0.0.1/callback?code=c&state=s").unwrap(), "c");
        for wrong in [
            "http://127.0.0.1/callback?code=c&state=other",
            "http://evil.example/callback?code=c&state=s",
            "http://127.0.0.1/callback?error=access_denied&state=s",
        ] {
            assert!(code(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_the_servers_own_word_ends_a_grant() {
        let answer = |status, body: &str| Answer { status, headers: HeaderMap::new(), body: body.into() };
        let invalid = "{\"error\":\"invalid_grant\"}";
        assert!(matches!(document(&answer(400, invalid)), Err(Denied::Refused(_))));
        assert!(matches!(document(&answer(403, invalid)), Err(Denied::Refused(_))));
        assert!(matches!(document(&answer(403, "<html>")), Err(Denied::Fault(_))));
        assert!(matches!(document(&answer(400, "<html>")), Err(Denied::Fault(_))));
        assert!(matches!(document(&answer(503, "{}")), Err(Denied::Fault(_))));
        assert!(matches!(
            document(&answer(400, "{\"error\":\"invalid_client\"}")),
            Err(Denied::UnknownClient)
        ));
    }
}
