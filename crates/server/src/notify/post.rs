//! One message to one receiver, on a connection of its own.
//!
//! There is no pool, proxy, cookie, redirect or retry to switch off: what is connected to is the address that
//! was checked, and what is sent is this one request.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use std::{fmt, io};

use axum::http::header::{HOST, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, Method, Request};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Rules, Target};

/// A receiver has this long, from the look-up of its name to the end of its answer.
pub const LONGEST_EXCHANGE: Duration = Duration::from_secs(15);
/// Head and body together.
const MOST_ANSWER_BYTES: u64 = 64 * 1024;
/// Of one name; the others are checked too, but not tried.
const MOST_ADDRESSES_TRIED: usize = 4;
const MOST_TOLD_CHARS: usize = 200;
const NAME: HeaderValue = HeaderValue::from_static(concat!("applyd/", env!("CARGO_PKG_VERSION")));

/// Sends messages where the rules allow.
#[derive(Debug, Clone)]
pub struct Outbound {
    rules: Rules,
    wait: Duration,
}

/// Why a receiver did not take a message; its text may be shown, and holds nothing of the answer's body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// An answer that is not 2xx.
    #[error("HTTP {0}")]
    Status(u16),
    /// The name has an address that the rules do not allow.
    #[error("refused address")]
    RefusedAddress,
    /// The name has no address.
    #[error("name not found")]
    NameNotFound,
    /// No address takes a connection.
    #[error("cannot connect: {0}")]
    Unreachable(io::ErrorKind),
    /// No certificate that fits, no common version.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The connection ended early, or what came is not HTTP.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// All that took too long.
    #[error("timed out")]
    TimedOut,
}

impl Outbound {
    /// Sends under these rules and waits at most this long for a receiver, mostly [`LONGEST_EXCHANGE`].
    #[must_use]
    pub fn new(rules: Rules, wait: Duration) -> Self {
        Self { rules, wait }
    }

    /// Posts once; the status of the answer, if it is 2xx.
    ///
    /// # Errors
    /// Why the receiver did not take it, or may not have taken it.
    pub async fn post(&self, target: &Target, headers: HeaderMap, body: Bytes) -> Result<u16, Failure> {
        self.post_by(look_up, target, headers, body).await
    }

    async fn post_by(
        &self,
        look_up: impl AsyncFnOnce(&Target) -> io::Result<Vec<SocketAddr>>,
        target: &Target,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<u16, Failure> {
        let end = Instant::now() + self.wait;
        let stream = within(end, async {
            let found = look_up(target).await.map_err(|_| Failure::NameNotFound)?;
            connect(&self.checked(target, found)?, self.wait).await
        });
        let stream = stream.await?;
        let request = request(target, headers, body);
        let status = if target.is_secure() {
            ask(within(end, secured(stream, target)).await?, request, end).await?
        } else {
            ask(stream, request, end).await?
        };
        if (200..300).contains(&status) { Ok(status) } else { Err(Failure::Status(status)) }
    }

    /// All of them or none: a name with one guarded address is not to be trusted with the others.
    fn checked(&self, target: &Target, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Failure> {
        if found.is_empty() {
            return Err(Failure::NameNotFound);
        }
        let is_good = found.iter().all(|found| target.admits(found.ip(), &self.rules));
        if is_good { Ok(found) } else { Err(Failure::RefusedAddress) }
    }
}

/// Asks the system once. Where that hangs, its thread outlives the wait by the system's own limit.
async fn look_up(target: &Target) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((target.host.to_str().as_ref(), target.port)).await?.collect())
}

/// The first that takes a connection; each has its share of the wait.
async fn connect(addresses: &[SocketAddr], wait: Duration) -> Result<TcpStream, Failure> {
    let tried = &addresses[..addresses.len().min(MOST_ADDRESSES_TRIED)];
    let share = wait / u32::try_from(tried.len()).unwrap_or(1).max(1);
    let mut failure = Failure::TimedOut;
    for address in tried {
        failure = match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Without it the request may wait for the receiver's acknowledgement of the handshake.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => Failure::Unreachable(error.kind()),
            Err(_) => Failure::TimedOut,
        };
    }
    Err(failure)
}

async fn secured(stream: TcpStream, target: &Target) -> Result<TlsStream<TcpStream>, Failure> {
    let tls = TLS.as_ref().map_err(failed)?;
    let connector = TlsConnector::from(Arc::clone(tls));
    connector.connect(target.host.clone(), stream).await.map_err(failed)
}

/// Sends and reads until the end of the answer or of the wait. The status decides; the body is dropped.
async fn ask<S>(stream: S, request: Request<Full<Bytes>>, end: Instant) -> Result<u16, Failure>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (reader, writer) = tokio::io::split(stream);
    let bounded = TokioIo::new(tokio::io::join(reader.take(MOST_ANSWER_BYTES), writer));
    let (mut sender, connection) = http1::handshake(bounded).await.map_err(no_answer)?;
    // Dropped on return, and the connection with it.
    let mut running = JoinSet::new();
    running.spawn(connection);
    let response = within(end, async { sender.send_request(request).await.map_err(no_answer) }).await?;
    let status = response.status().as_u16();
    let mut body = response.into_body();
    let drained = async { while let Some(Ok(_)) = body.frame().await {} };
    // The status stands, however its body ends.
    let _ = timeout_at(end, drained).await;
    Ok(status)
}

fn request(target: &Target, headers: HeaderMap, body: Bytes) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = target.path.clone();
    *request.headers_mut() = headers;
    request.headers_mut().insert(HOST, target.authority.clone());
    request.headers_mut().insert(USER_AGENT, NAME);
    request
}

async fn within<T>(end: Instant, step: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    timeout_at(end, step).await.unwrap_or(Err(Failure::TimedOut))
}

/// Rustls names the certificate's names here, as many as there are.
fn failed(error: impl fmt::Display) -> Failure {
    Failure::Tls(error.to_string().chars().take(MOST_TOLD_CHARS).collect())
}

fn no_answer(error: hyper::Error) -> Failure {
    Failure::NoAnswer(error.to_string())
}

/// Set up at the first message over https: a machine without certificates can still do all else.
static TLS: LazyLock<Result<Arc<ClientConfig>, rustls::Error>> = LazyLock::new(|| {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
});

#[cfg(test)]
mod tests;
