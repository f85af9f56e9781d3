//! Rust SDK of applyd: typed calls, polling, the event stream and the receiving end of webhooks, over the documented
//! API only.

mod events;
pub mod webhook;

use std::time::{Duration, Instant};

use applyd_wire::{ApplyAnswer, ApplyRequest, ErrorAnswer, StatusAnswer, TimelineAnswer};
use reqwest::{Response, StatusCode, Url};
use serde::de::DeserializeOwned;

pub use events::Events;

const CALL_WAIT: Duration = Duration::from_secs(30);

/// A caller with a key.
#[derive(Clone)]
pub struct Client {
    base: Url,
    key: String,
    http: reqwest::Client,
}

/// What a call can come to instead of its answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server refused it.
    #[error("{status}: {}", .answer.error)]
    Refused {
        /// HTTP status.
        status: u16,
        /// Its body.
        answer: Box<ErrorAnswer>,
    },
    /// The server was not reached, or its answer cannot be read.
    #[error("the server was not reached: {0}")]
    Transport(#[from] reqwest::Error),
    /// The answer is not what the contract says.
    #[error("the answer cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// A line of the event stream is longer than any event.
    #[error("the event stream cannot be read")]
    TooLong,
    /// The address is none.
    #[error("`{0}` is no address of a server")]
    Address(String),
    /// Still `processing` at the end of the wait.
    #[error("still processing")]
    StillProcessing(Box<StatusAnswer>),
}

impl Client {
    /// A client of the server at `base`, e.g. `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// When `base` is no address.
    pub fn new(base: &str, key: &str) -> Result<Self, Error> {
        let address = || Error::Address(base.to_owned());
        let base = Url::parse(base).map_err(|_| address())?;
        // Installed by somebody else before: then that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(CALL_WAIT);
        // Towards plain http no certificates are needed, and a bare machine has none.
        let http =
            if base.scheme() == "http" { http.tls_backend_preconfigured(without_roots()) } else { http };
        let http = http.build()?;
        Ok(Self { base, key: key.to_owned(), http })
    }

    /// Queues a proposal.
    ///
    /// # Errors
    /// [`Error::Refused`] with 400, 401, 402, 404, 409, 422 or 503; else transport.
    pub async fn apply(&self, request: &ApplyRequest) -> Result<ApplyAnswer, Error> {
        let body = serde_json::to_vec(request)?;
        let call =
            self.http.post(self.at("/api/auto-apply-v2/apply")?).header("content-type", "application/json");
        read(call.header("x-api-key", &self.key).body(body).send().await?).await
    }

    /// The status of an application.
    ///
    /// # Errors
    /// [`Error::Refused`] with 401 or 404; else transport.
    pub async fn status(&self, queue_id: &str) -> Result<StatusAnswer, Error> {
        let mut url = self.at("/api/auto-apply-v2/status")?;
        url.query_pairs_mut().append_pair("queueId", queue_id);
        read(self.http.get(url).header("x-api-key", &self.key).send().await?).await
    }

    /// The status once it is terminal, or as it is after `wait` (up to 60 s, in whole seconds).
    ///
    /// # Errors
    /// As [`Self::status`], and [`Error::Refused`] with 422 for a longer wait.
    pub async fn status_wait(&self, queue_id: &str, wait: Duration) -> Result<StatusAnswer, Error> {
        let mut url = self.at("/api/auto-apply-v2/status")?;
        url.query_pairs_mut()
            .append_pair("queueId", queue_id)
            .append_pair("wait", &wait.as_secs().to_string());
        read(self.http.get(url).timeout(wait + CALL_WAIT).header("x-api-key", &self.key).send().await?).await
    }

    /// Takes an application back, if nothing of it was sent.
    ///
    /// # Errors
    /// [`Error::Refused`] with 401, 404 or 409; else transport.
    pub async fn cancel(&self, queue_id: &str) -> Result<StatusAnswer, Error> {
        let url = self.at_application(queue_id, &[])?;
        read(self.http.delete(url).header("x-api-key", &self.key).send().await?).await
    }

    /// What has happened to an application, oldest first.
    ///
    /// # Errors
    /// [`Error::Refused`] with 401 or 404; else transport.
    pub async fn timeline(&self, queue_id: &str) -> Result<TimelineAnswer, Error> {
        let url = self.at_application(queue_id, &["timeline"])?;
        read(self.http.get(url).header("x-api-key", &self.key).send().await?).await
    }

    /// Polls until the status is terminal; `seen` hears each one.
    ///
    /// # Errors
    /// [`Error::StillProcessing`] after `limit`, else as [`Self::status`].
    pub async fn wait(
        &self,
        queue_id: &str,
        every: Duration,
        limit: Duration,
        mut seen: impl FnMut(&StatusAnswer),
    ) -> Result<StatusAnswer, Error> {
        let end = Instant::now() + limit;
        loop {
            let status = self.status(queue_id).await?;
            seen(&status);
            if status.application_status.is_terminal() {
                return Ok(status);
            }
            if Instant::now() >= end {
                return Err(Error::StillProcessing(Box::new(status)));
            }
            tokio::time::sleep(every).await;
        }
    }

    fn at_application(&self, queue_id: &str, rest: &[&str]) -> Result<Url, Error> {
        let mut url = self.at("/api/auto-apply-v2/applications")?;
        let mut path = url.path_segments_mut().map_err(|()| Error::Address(self.base.to_string()))?;
        path.push(queue_id).extend(rest);
        drop(path);
        Ok(url)
    }

    fn at(&self, path: &str) -> Result<Url, Error> {
        self.base.join(path).map_err(|_| Error::Address(self.base.to_string()))
    }
}

fn without_roots() -> rustls::ClientConfig {
    rustls::ClientConfig::builder()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

async fn read<T: DeserializeOwned>(response: Response) -> Result<T, Error> {
    if response.status().is_success() {
        return Ok(serde_json::from_slice(&response.bytes().await?)?);
    }
    Err(refused(response).await?)
}

async fn refused(response: Response) -> Result<Error, Error> {
    let status: StatusCode = response.status();
    let body = response.bytes().await?;
    let answer = serde_json::from_slice(&body)
        .unwrap_or_else(|_| ErrorAnswer::text(String::from_utf8_lossy(&body).into_owned()));
    Ok(Error::Refused { status: status.as_u16(), answer: Box::new(answer) })
}
