//! The question to an OpenAI-compatible chat endpoint, and its answer as a letter.

mod answer;

use std::time::Duration;

use applyd_core::letter::Effort;
use bytes::Bytes;
use reqwest::Client;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls_platform_verifier::BuilderVerifierExt as _;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use url::Url;

use super::key::ModelKey;
use super::prompt::Prompt;
use super::{Letter, Unwritten};
use crate::config;
use crate::start::{StartError, Tried};

const USER_AGENT: &str = concat!("applyd/", env!("CARGO_PKG_VERSION"));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const LONGEST_ANSWER_BYTES: usize = 256 * 1024;
const MOST_TRIES: u32 = 3;
const RETRY_BASE_MS: u64 = 500;
const LONGEST_RETRY_AFTER_S: u64 = 3600;
/// Letters that are asked for at once; what is beyond waits within its own time.
const MOST_AT_ONCE: usize = 64;

/// A model that is asked.
pub(super) struct Chat {
    client: Client,
    url: Url,
    model: String,
    key: Option<ModelKey>,
    send_effort: bool,
    turn: Semaphore,
}

impl Chat {
    pub(super) fn new(settings: config::Chat) -> Result<Self, StartError> {
        let key = ModelKey::load(settings.key)?;
        let client = client(&settings.url, key.as_ref())
            .map_err(std::io::Error::other)
            .tried(|| "cannot make the client of letters.endpoint".into())?;
        let (url, model, send_effort) = (settings.url, settings.model, settings.send_effort);
        Ok(Self { client, url, model, key, send_effort, turn: Semaphore::new(MOST_AT_ONCE) })
    }

    /// Asks up to three times, as long as there is time for the wait before.
    pub(super) async fn ask(
        &self,
        prompt: &Prompt,
        effort: Effort,
        end: Instant,
    ) -> Result<Letter, Unwritten> {
        let _turn = self.turn.acquire().await;
        let body = self.body(prompt, effort);
        let mut tries = 1;
        loop {
            let answer = match self.once(body.clone()).await {
                Err(Unwritten::Away { reason, after }) => {
                    let wait = after.unwrap_or_else(|| backoff(tries));
                    if tries == MOST_TRIES || Instant::now() + wait >= end {
                        return Err(Unwritten::Away { reason, after });
                    }
                    sleep(wait).await;
                    tries += 1;
                    continue;
                }
                answer => answer?,
            };
            return self.letter(&answer, prompt);
        }
    }

    fn body(&self, prompt: &Prompt, effort: Effort) -> Bytes {
        let mut body = json!({
            "model": self.model,
            "messages": [
                {"role": "system", "content": prompt.system},
                {"role": "user", "content": prompt.user},
            ],
        });
        if self.send_effort {
            body["reasoning_effort"] = effort.as_str().into();
        }
        body.to_string().into()
    }

    /// One question; the body of its success.
    async fn once(&self, body: Bytes) -> Result<Vec<u8>, Unwritten> {
        let mut response = self.client.post(self.url.clone()).body(body).send().await.map_err(away)?;
        let status = response.status();
        if status.is_server_error() || status.as_u16() == 429 || status.as_u16() == 408 {
            let after = retry_after(response.headers());
            return Err(Unwritten::Away { reason: format!("HTTP {}", status.as_u16()), after });
        }
        if !status.is_success() {
            return Err(Unwritten::Refused(status.as_u16()));
        }
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(away)? {
            if answer.len() + chunk.len() > LONGEST_ANSWER_BYTES {
                return Err(Unwritten::Unusable("it is longer than 256 KiB"));
            }
            answer.extend_from_slice(&chunk);
        }
        Ok(answer)
    }

    /// The letter of an answer. The model's own name for itself is not taken over: it is text by others.
    fn letter(&self, answer: &[u8], prompt: &Prompt) -> Result<Letter, Unwritten> {
        let (text, tokens) = answer::read(answer)?;
        if self.key.as_ref().is_some_and(|key| key.is_in(&text)) {
            return Err(Unwritten::Unusable("it tells the key"));
        }
        if prompt.is_in(&text) {
            return Err(Unwritten::Unusable("it repeats the question"));
        }
        Ok(Letter { text, model: self.model.clone(), tokens })
    }
}

/// Neither redirects nor proxies of the environment: the key goes to the one configured address.
fn client(url: &Url, key: Option<&ModelKey>) -> Result<Client, Box<dyn std::error::Error + Send + Sync>> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(key) = key {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", key.expose()))?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
    }
    let client = Client::builder()
        .user_agent(USER_AGENT)
        .default_headers(headers)
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_TIMEOUT)
        .tls_backend_preconfigured(tls(url)?);
    Ok(client.build()?)
}

/// The system's certificates; for plain http, where they need not even exist, none.
fn tls(url: &Url) -> Result<ClientConfig, rustls::Error> {
    let config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()?;
    let config = if url.scheme() == "https" {
        config.with_platform_verifier()?
    } else {
        config.with_root_certificates(rustls::RootCertStore::empty())
    };
    Ok(config.with_no_client_auth())
}

/// What failed on the way, by its kind: the text of an error may quote what was sent.
fn away(error: reqwest::Error) -> Unwritten {
    let reason = if error.is_connect() { "no connection" } else { "the answer broke off" };
    Unwritten::Away { reason: reason.to_owned(), after: None }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse::<u64>().ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST_RETRY_AFTER_S)))
}

/// Half of it fixed, half of it drawn.
fn backoff(tries: u32) -> Duration {
    let ms = RETRY_BASE_MS << (tries - 1);
    Duration::from_millis(ms / 2 + fastrand::u64(..=ms / 2))
}
