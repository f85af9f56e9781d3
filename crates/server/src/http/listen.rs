//! The accept loop: own, so that a connection that says nothing is closed in time.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutWriter;

use super::observe::observe;

const MOST_CONNECTIONS: usize = 16_384;
const HEADER_WAIT: Duration = Duration::from_secs(5);
const LONGEST_HEADERS_BYTES: usize = 64 * 1024;
/// A caller that takes nothing of its answer for so long is cut off.
const WRITE_WAIT: Duration = Duration::from_secs(15);
const GONE_AFTER: Duration = Duration::from_secs(30);
const DRAIN_WAIT: Duration = Duration::from_secs(5);
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where a request's connection comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Asks for as many open files as the machine allows: shells often give 1024, and each connection is one.
pub(crate) fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}

/// Serves until `stop`; answers that are under way are finished.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, peer, place)) = accepted else { continue };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_WAIT)
            .max_buf_size(LONGEST_HEADERS_BYTES)
            .serve_connection(TokioIo::new(Box::pin(stream)), answer(router.clone(), peer));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that broke off is no event.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_WAIT, graceful.shutdown()).await.is_err() {
        tracing::warn!("some connections were still open at the end");
    }
}

/// Answers the requests of one connection.
fn answer(
    router: Router,
    peer: Peer,
) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> {
    service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let router = router.clone();
        async move { Ok(observe(router, request).await) }
    })
}

/// A caller that vanished without a word acknowledges nothing, so that what is written to it never waits: only the
/// kernel can tell, which by itself takes a quarter of an hour.
#[cfg(target_os = "linux")]
fn give_up_on_the_gone(stream: &TcpStream) {
    let unacknowledged_ms = u32::try_from(GONE_AFTER.as_millis()).unwrap_or(u32::MAX);
    // Without it, it takes longer.
    let _ = rustix::net::sockopt::set_tcp_user_timeout(stream, unacknowledged_ms);
}

#[cfg(not(target_os = "linux"))]
fn give_up_on_the_gone(_: &TcpStream) {}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TimeoutWriter<TcpStream>, Peer, OwnedSemaphorePermit)> {
    // The semaphore is never closed.
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Small answers must not wait for more.
            let _ = stream.set_nodelay(true);
            give_up_on_the_gone(&stream);
            let mut stream = TimeoutWriter::new(stream);
            stream.set_timeout(Some(WRITE_WAIT));
            Some((stream, Peer(peer.ip()), place))
        }
        Err(error) => {
            // Out of file descriptors, most likely: trying at once would only spin.
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}
