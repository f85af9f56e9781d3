//! Where a browser comes back to after the consent: a listener on this machine, for one answer.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use url::Url;

use super::Linking;

const PATH: &str = "/callback";
/// A browser may open more connections than it uses.
const MOST_CONNECTIONS: usize = 32;
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// For the page to reach the browser after the answer was taken.
const LAST_WAIT: Duration = Duration::from_secs(1);

const TAKEN: &str = "<!doctype html><meta charset=\"utf-8\"><title>applyd</title>\
    <p>Thank you. You can close this page: applyd goes on in the terminal.";
const NOT_OURS: &str = "<!doctype html><meta charset=\"utf-8\"><title>applyd</title>\
    <p>This is not the answer that applyd waits for.";

/// The listener of one login.
pub struct Callback {
    listener: TcpListener,
    address: SocketAddr,
}

impl Callback {
    /// Listens on a free port of this machine, and nowhere else.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn listen() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where the browser is sent.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// Waits for the answer to this question; whatever else comes is turned away.
    ///
    /// # Errors
    /// The listener's.
    pub async fn answer(self, linking: &Linking) -> io::Result<Url> {
        let (told, mut heard) = mpsc::channel::<Url>(1);
        let mut connections = JoinSet::new();
        let came_back = loop {
            tokio::select! {
                accepted = self.listener.accept(), if connections.len() < MOST_CONNECTIONS => {
                    let (stream, _) = accepted?;
                    let (told, own) = (told.clone(), self.address);
                    let (state_of, redirect) = (linking.state().to_owned(), self.address());
                    let service = service_fn(move |request: Request<Incoming>| {
                        let came_back = came_back(&request, own, &redirect, &state_of);
                        let told = told.clone();
                        async move { Ok::<_, Infallible>(page(came_back, &told)) }
                    });
                    let connection = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .header_read_timeout(HEAD_TIMEOUT)
                        .keep_alive(false)
                        .serve_connection(TokioIo::new(stream), service);
                    connections.spawn(connection);
                }
                Some(came_back) = heard.recv() => break came_back,
                Some(_) = connections.join_next() => {}
            }
        };
        let ended = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LAST_WAIT, ended).await;
        Ok(came_back)
    }
}

/// The address that a request names, if it is the answer. Another name for this machine is a page's trick (DNS
/// rebinding), another state another login's answer.
fn came_back(request: &Request<Incoming>, own: SocketAddr, redirect: &str, state: &str) -> Option<Url> {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok())?;
    if request.method() != Method::GET || request.uri().path() != PATH || host != own.to_string() {
        return None;
    }
    let url = Url::parse(&format!("{redirect}?{}", request.uri().query()?)).ok()?;
    let is_ours = url.query_pairs().any(|(name, value)| name == "state" && value == state);
    is_ours.then_some(url)
}

/// The first answer counts, and none after it.
fn page(came_back: Option<Url>, told: &mpsc::Sender<Url>) -> Response<Full<Bytes>> {
    let is_taken = came_back.is_some_and(|came_back| told.try_send(came_back).is_ok());
    let (status, text) = if is_taken { (StatusCode::OK, TAKEN) } else { (StatusCode::BAD_REQUEST, NOT_OURS) };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
