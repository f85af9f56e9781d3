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

/// The redirect as it is registered. Nobody listens there: the stand-in's is read and not followed, a person's is
/// pasted, and whoever listens for one does so at the same address with a port, as RFC 8252 has it.
pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1/callback";
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
    #[error("refused: {error} {description}")]
    Refused {
        /// The word of the specification.
        error: String,
        /// In the server's words.
        description: String,
    },
}

impl Denied {
    /// The site's wish for the next try, in milliseconds.
    pub(crate) fn after_ms(&self) -> Option<i64> {
        if let Self::Fault(fault) = self { fault.after_ms() } else { None }
    }

    /// Whether it is known that no other try can work: only the words that say so, not a status alone.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Fault(_) => false,
            Self::UnknownClient => true,
            Self::Refused { error, .. } => error == "invalid_grant",
        }
    }
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
        let told = match &self.endpoint.registration {
            Some(given) => given.clone(),
            None => self.metadata().await?.registration_endpoint.clone(),
        };
        let answer = self.post_json(&told, &registration).await?;
        let is_elsewhere = matches!(answer.status, 404 | 405) || answer.object().is_none();
        // What the operator has set is not second-guessed.
        let own =
            if self.endpoint.registration.is_some() { told.clone() } else { self.endpoint.at("/register") };
        // The told address has been the sign-up page for some.
        let answer =
            if is_elsewhere && own != told { self.post_json(&own, &registration).await? } else { answer };
        let document = document(&answer)?;
        let client_id = document["client_id"].as_str().ok_or(Fault::Missing("client_id"))?;
        Ok(client_id.to_owned())
    }

    /// Lets the stand-in consent for `login_hint`, and redeems the code.
    pub(crate) async fn consent(&self, client_id: &str, login_hint: &str) -> Result<Pair, Denied> {
        let question = self.ask(client_id, REDIRECT_URI).await?;
        let mut url = question.address.clone();
        url.query_pairs_mut().append_pair("login_hint", login_hint);
        let request = self.transport.client().get(url).build().map_err(Fault::from)?;
        let answer = self.transport.fetch(request).await?;
        self.redeem(&question, &redirect(&answer)?).await
    }

    /// The question for consent, to be answered at `redirect_uri`.
    pub(crate) async fn ask(&self, client_id: &str, redirect_uri: &str) -> Result<Question, Fault> {
        let metadata = self.metadata().await?;
        let pkce = Pkce::new().map_err(|_| Fault::Missing("random numbers"))?;
        let mut address = metadata.authorization_endpoint.clone();
        address
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("state", &pkce.state)
            .append_pair("code_challenge", &pkce.challenge())
            .append_pair("code_challenge_method", "S256")
            .append_pair("resource", &metadata.resource);
        let (client_id, redirect_uri) = (client_id.to_owned(), redirect_uri.to_owned());
        Ok(Question { address, client_id, redirect_uri, pkce })
    }

    /// Redeems the code in the address that the browser was sent to.
    pub(crate) async fn redeem(&self, question: &Question, came_back: &Url) -> Result<Pair, Denied> {
        let code = question.code(came_back)?;
        let resource = &self.metadata().await?.resource;
        self.token(&[
            ("grant_type", "authorization_code"),
            ("code", code.expose_secret()),
            ("redirect_uri", &question.redirect_uri),
            ("client_id", &question.client_id),
            ("code_verifier", question.pkce.verifier.expose_secret()),
            ("resource", resource),
        ])
        .await
    }

    /// Ends a grant at the server.
    pub(crate) async fn revoke(&self, client_id: &str, refresh: &SecretString) -> Result<(), Fault> {
        let url = self.metadata().await?.revocation_endpoint.clone();
        let url = url.ok_or(Fault::Missing("revocation address"))?;
        let form = [
            ("client_id", client_id),
            ("token", refresh.expose_secret()),
            ("token_type_hint", "refresh_token"),
        ];
        let request = self.transport.client().post(url).header(ACCEPT, "application/json").form(&form);
        let answer = self.transport.fetch(request.build()?).await?;
        match answer.status {
            200..300 => Ok(()),
            status => Err(status_fault(status, &answer.headers)),
        }
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

    /// Learns where the endpoints are, so that what comes next is one request.
    pub(crate) async fn metadata(&self) -> Result<&Metadata, Fault> {
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
        "invalid_client" => Denied::UnknownClient,
        error => Denied::Refused { error: error.to_owned(), description: said("error_description") },
    }
}

/// The address that the consent page sends the browser to.
fn redirect(answer: &Answer) -> Result<Url, Denied> {
    if answer.status != 302 && answer.status != 303 {
        return Err(document(answer).err().unwrap_or_else(|| Fault::Missing("redirect").into()));
    }
    let location = answer.headers.get(LOCATION).and_then(|value| value.to_str().ok());
    Ok(location.and_then(|text| Url::parse(text).ok()).ok_or(Fault::Missing("redirect"))?)
}

/// A question for consent, and the secrets that go with it.
pub(crate) struct Question {
    /// Where a person consents.
    pub(crate) address: Url,
    pub(crate) client_id: String,
    redirect_uri: String,
    pkce: Pkce,
}

impl Question {
    /// Comes back with the code.
    pub(crate) fn state(&self) -> &str {
        &self.pkce.state
    }

    /// Whether an address is the answer to this question.
    pub(crate) fn is_answered_by(&self, came_back: &Url) -> bool {
        let state = came_back.query_pairs().find(|(key, _)| key == "state").map(|(_, value)| value);
        came_back[..url::Position::AfterPath] == self.redirect_uri
            && state.as_deref() == Some(&self.pkce.state)
    }

    /// The code in the address that the browser was sent to.
    fn code(&self, came_back: &Url) -> Result<SecretString, Denied> {
        if !self.is_answered_by(came_back) {
            return Err(Fault::Missing("redirect of our own").into());
        }
        let member = |name: &str| {
            came_back.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        match (member("code"), member("error")) {
            (Some(code), None) => Ok(code.into()),
            (_, error) => Err(Denied::Refused {
                error: error.unwrap_or_default(),
                description: member("error_description").unwrap_or_default(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use http::HeaderMap;

    use super::*;

    #[test]
    fn a_code_counts_only_with_our_state_at_our_address() {
        let question = Question {
            address: Url::parse("https://www.upwork.com/authorize").unwrap(),
            client_id: "c".into(),
            redirect_uri: "http://127.0.0.1:4000/callback".into(),
            pkce: Pkce { verifier: "v".to_owned().into(), state: "s".into() },
        };
        let code = |came_back: &str| {
            question.code(&Url::parse(came_back).unwrap()).map(|code| code.expose_secret().to_owned())
        };
        assert_eq!(code("http://127.0.0.1:4000/callback?code=c&state=s").unwrap(), "c");
        for wrong in [
            "http://127.0.0.1:4000/callback?code=c&state=other",
            "http://127.0.0.1:4000/callback?code=c",
            "http://127.0.0.1:4001/callback?code=c&state=s",
            "http://evil.example:4000/callback?code=c&state=s",
            "http://127.0.0.1:4000/callback?error=access_denied&code=c&state=s",
        ] {
            assert!(code(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_the_servers_own_word_ends_a_grant() {
        let answer = |status, body: &str| Answer { status, headers: HeaderMap::new(), body: body.into() };
        let invalid = "{\"error\":\"invalid_grant\"}";
        assert!(matches!(document(&answer(400, invalid)), Err(Denied::Refused { .. })));
        assert!(matches!(document(&answer(403, invalid)), Err(Denied::Refused { .. })));
        assert!(matches!(document(&answer(403, "<html>")), Err(Denied::Fault(_))));
        assert!(matches!(document(&answer(400, "<html>")), Err(Denied::Fault(_))));
        assert!(matches!(document(&answer(503, "{}")), Err(Denied::Fault(_))));
        assert!(matches!(
            document(&answer(400, "{\"error\":\"invalid_client\"}")),
            Err(Denied::UnknownClient)
        ));
        // What is not known to be for good is not taken for it: a gateway's own words, a slip in our request.
        for passing in ["{\"error\":\"temporarily_unavailable\"}", "{\"message\":\"Unauthorized\"}", "{}"] {
            let denied = document(&answer(401, passing)).err().unwrap();
            assert!(!denied.is_final(), "{passing}");
        }
        assert!(document(&answer(400, invalid)).err().unwrap().is_final());
    }
}
