//! One client connection, and the right of a handler to break it.

mod socket;

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};

use self::socket::{Cut, Socket};

/// A client that sends no whole request head within this time is dropped.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How a connection is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HangUp {
    /// An ordinary close, without an answer.
    Close,
    /// A TCP reset.
    Reset,
}

/// A handler's hold on the connection that its request came by.
#[derive(Clone)]
pub(crate) struct Line {
    breaker: mpsc::Sender<HangUp>,
    cut: Cut,
}

impl Line {
    /// Breaks the connection; returns when it is broken, so that what the handler answers reaches nobody.
    pub(crate) async fn hang_up(&self, how: HangUp) {
        // A full channel means that another request of this connection asked first.
        let _ = self.breaker.try_send(how);
        self.breaker.closed().await;
    }

    /// Lets only this share of the next answer pass, from nothing to all but its last byte.
    pub(crate) fn cut(&self, share: f64) {
        self.cut.at(share);
    }

    /// Returns when the client has gone away.
    pub(crate) async fn until_gone(&self) {
        self.breaker.closed().await;
    }
}

/// Serves one connection until it ends, a handler breaks it, or the stand-in stops.
pub(crate) async fn serve(stream: TcpStream, router: Router, mut stopping: watch::Receiver<bool>) {
    let (breaker, mut broken) = mpsc::channel(1);
    let cut = Cut::default();
    let line = Line { breaker, cut: cut.clone() };
    let router = TowerToHyperService::new(router);
    // Each request runs in a task of its own: a client that goes away after its last byte must not undo what
    // its request does, as dropping the handler's future in the middle would.
    let service = service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(line.clone());
        let task = tokio::spawn(router.call(request));
        async move {
            match task.await {
                Ok(Ok(response)) => Ok(response),
                Ok(Err(never)) => match never {},
                Err(panicked) => Err(panicked),
            }
        }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(Socket { stream, cut }), service);
    let how = {
        let mut stop = pin!(stopping.wait_for(|stopping| *stopping));
        let mut stopped = false;
        loop {
            tokio::select! {
                ended = &mut connection => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "connection ended");
                    }
                    return;
                }
                Some(how) = broken.recv() => break how,
                _ = &mut stop, if !stopped => {
                    stopped = true;
                    Pin::new(&mut connection).graceful_shutdown();
                }
            }
        }
    };
    let Socket { stream, .. } = connection.into_parts().io.into_inner();
    if how == HangUp::Reset {
        // Without it the close is an ordinary one, which the client must survive as well.
        let _ = stream.set_zero_linger();
    }
}
