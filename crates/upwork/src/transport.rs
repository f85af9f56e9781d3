//! The HTTP client of all reads and of the login, and the TLS settings that the confirm call shares.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Request, Response};
use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls_platform_verifier::BuilderVerifierExt as _;
use url::Url;

use crate::fault::Fault;
use crate::intake::{MAX_ANSWER_BYTES, Unreadable};

/// A plain, stable name: bot protection stands before the token endpoints.
const USER_AGENT: &str = concat!("applyd/", env!("CARGO_PKG_VERSION"));
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// No wish of the site for the next try counts for longer.
pub(crate) const LONGEST_RETRY_AFTER_SECONDS: i64 = 3600;

/// The endpoint cannot be used on this machine.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// Its cryptography does not fit together.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(#[from] reqwest::Error),
}

/// HTTP/1.1 without redirects, retries, proxies and cookies.
#[derive(Debug)]
pub(crate) struct Transport {
    client: Client,
    tls: Option<Arc<ClientConfig>>,
    pub(crate) read_timeout: Duration,
}

/// A small answer, read whole.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Transport {
    /// A client for the server at `url`; certificates are loaded for https only.
    pub(crate) fn new(url: &Url, read_timeout: Duration) -> Result<Self, Unusable> {
        let tls = if url.scheme() == "https" { Some(Arc::new(tls_config()?)) } else { None };
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT.min(read_timeout))
            .timeout(read_timeout);
        let client = match &tls {
            Some(tls) => client.tls_backend_preconfigured((**tls).clone()),
            None => client.tls_backend_preconfigured(without_roots()?),
        };
        Ok(Self { client: client.build()?, tls, read_timeout })
    }

    /// TLS settings for a connection of one's own; none towards plain http.
    pub(crate) fn tls(&self) -> Option<Arc<ClientConfig>> {
        self.tls.clone()
    }

    /// A request to be built.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Sends once; the body is still to be read.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, Fault> {
        Ok(self.client.execute(request).await?)
    }

    /// Sends once and reads the whole answer.
    pub(crate) async fn fetch(&self, request: Request) -> Result<Answer, Fault> {
        let mut response = self.send(request).await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(Unreadable::TooLarge.into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status: response.status().as_u16(), headers: response.headers().clone(), body })
    }
}

impl Answer {
    /// The body as a JSON object; `None` for HTML and all else.
    pub(crate) fn object(&self) -> Option<serde_json::Value> {
        serde_json::from_slice::<serde_json::Value>(&self.body).ok().filter(serde_json::Value::is_object)
    }
}

/// The fault of a status that is not 2xx.
pub(crate) fn status_fault(status: u16, headers: &HeaderMap) -> Fault {
    Fault::Status { status, after_ms: retry_after_ms(headers) }
}

/// The header `Retry-After`, in seconds on the wire.
pub(crate) fn retry_after_ms(headers: &HeaderMap) -> Option<i64> {
    let seconds: i64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(seconds.clamp(0, LONGEST_RETRY_AFTER_SECONDS) * 1000)
}

/// The header `Content-Type`.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_TYPE)?.to_str().ok()
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Trusts whom the system trusts. One without certificates trusts nobody: the sandbox runs there all the same.
fn tls_config() -> Result<ClientConfig, rustls::Error> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_platform_verifier();
    match config {
        Ok(config) => Ok(config.with_no_client_auth()),
        Err(error) => {
            tracing::warn!(%error, "the system's certificates cannot be loaded, so no https server is trusted");
            without_roots()
        }
    }
}

/// Trusts nobody: enough for plain http.
fn without_roots() -> Result<ClientConfig, rustls::Error> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Ok(config)
}
