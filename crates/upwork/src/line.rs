//! The connection of the one confirm call: fresh, of no pool, and it knows whether a byte was written.
//!
//! Nothing runs beside it: who drops a [`Line`] or stops awaiting its exchange has closed the socket.

use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Url;

use crate::document::Reading;
use crate::fault::causes;
use crate::intake::Intake;
use crate::tool::Tool;
use crate::transport::{content_type, retry_after_ms};

const HTTPS_PORT: u16 = 443;

/// An open connection that has carried no request.
pub(crate) struct Line {
    sender: SendRequest<Full<Bytes>>,
    connection: Connection<TokioIo<Guarded>, Full<Bytes>>,
    gate: Arc<Gate>,
}

/// Lets the first byte pass from the confirm on and until `send_by`, and counts.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    begin_by: OnceLock<Instant>,
    passed_bytes: AtomicUsize,
}

impl Gate {
    /// Whether no byte can have left.
    pub(crate) fn is_untouched(&self) -> bool {
        self.passed_bytes.load(Ordering::SeqCst) == 0
    }

    fn check(&self) -> io::Result<()> {
        match self.begin_by.get() {
            None => Err(io::Error::new(io::ErrorKind::PermissionDenied, "no intent yet")),
            Some(begin_by) if self.is_untouched() && Instant::now() > *begin_by => {
                Err(io::Error::new(io::ErrorKind::TimedOut, "too late to begin"))
            }
            Some(_) => Ok(()),
        }
    }

    fn count(&self, bytes: usize) {
        self.passed_bytes.fetch_add(bytes, Ordering::SeqCst);
    }
}

/// A complete answer.
pub(crate) struct Heard {
    pub(crate) status: u16,
    /// The JSON-RPC reply; null where the status is not 2xx.
    pub(crate) reply: Value,
    retry_after_ms: Option<i64>,
}

impl Heard {
    /// How long the site wants to be left alone, and by which calls: by its header by all (`None`), by its document by
    /// those as tight as that of `tool`.
    pub(crate) fn wait(&self, tool: Tool) -> Option<(Option<Tool>, i64)> {
        let refusal = Reading::of(&self.reply["result"]).accepted().err();
        let of_all = self.retry_after_ms.map(|after_ms| (None, after_ms));
        of_all.or_else(|| Some((Some(tool), refusal?.after_ms()?)))
    }
}

impl Line {
    /// Connects, with TLS where the address asks for it.
    pub(crate) async fn open(url: &Url, tls: Option<Arc<ClientConfig>>) -> io::Result<Self> {
        let host = url.host_str().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        let port = url.port_or_known_default().unwrap_or(HTTPS_PORT);
        let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
        stream.set_nodelay(true)?;
        // Closing discards what the system has not sent yet, so that no byte follows the close.
        stream.set_zero_linger()?;
        let stream = match tls {
            None => Stream::Plain(stream),
            Some(tls) => {
                let name = ServerName::try_from(host).map_err(io::Error::other)?;
                Stream::Tls(Box::new(TlsConnector::from(tls).connect(name, stream).await?))
            }
        };
        let gate = Arc::new(Gate::default());
        let guarded = Guarded { stream, gate: gate.clone() };
        let (sender, connection) = http1::handshake(TokioIo::new(guarded)).await.map_err(io::Error::other)?;
        Ok(Self { sender, connection, gate })
    }

    /// The proof that outlives the connection.
    pub(crate) fn gate(&self) -> Arc<Gate> {
        self.gate.clone()
    }

    /// Sends the one request, if it begins in time, and reads its reply.
    ///
    /// # Errors
    /// What happened instead; the gate tells whether a byte was written.
    pub(crate) async fn exchange(
        self,
        request: Request<Full<Bytes>>,
        id: u64,
        begin_by: Instant,
    ) -> Result<Heard, String> {
        let Self { mut sender, connection, gate } = self;
        // A second value is impossible, as `self` is used up.
        let _ = gate.begin_by.set(begin_by);
        let mut answer = pin!(async {
            // The connection is polled before this is ready, so that a dead one shows before a byte is written.
            sender.ready().await.map_err(|error| causes(&error))?;
            let response = sender.send_request(request).await.map_err(|error| causes(&error))?;
            read(response, id).await
        });
        let mut connection = pin!(connection);
        let mut has_ended = false;
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => return answer,
                // Its error reaches the answer too, behind what has already arrived.
                _ = &mut connection, if !has_ended => has_ended = true,
            }
        }
    }
}

async fn read(response: http::Response<hyper::body::Incoming>, id: u64) -> Result<Heard, String> {
    let (status, retry_after_ms) = (response.status().as_u16(), retry_after_ms(response.headers()));
    let heard = |reply| Heard { status, reply, retry_after_ms };
    if !response.status().is_success() {
        return Ok(heard(Value::Null));
    }
    let mut intake = Intake::new(content_type(response.headers()), id).map_err(|error| error.to_string())?;
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        let Ok(chunk) = frame.map_err(|error| causes(&error))?.into_data() else { continue };
        if let Some(reply) = intake.take(&chunk).map_err(|error| error.to_string())? {
            return Ok(heard(reply));
        }
    }
    let reply = intake.end().map_err(|error| error.to_string())?;
    Ok(heard(reply))
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A stream whose writes pass the gate.
struct Guarded {
    stream: Stream,
    gate: Arc<Gate>,
}

impl AsyncRead for Guarded {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.gate.check()?;
        match &mut this.stream {
            Stream::Plain(stream) => {
                let written = Pin::new(stream).poll_write(cx, buf);
                if let Poll::Ready(Ok(bytes)) = &written {
                    this.gate.count(*bytes);
                }
                written
            }
            Stream::Tls(stream) => {
                // What was offered may be on its way in part even where the write fails.
                this.gate.count(buf.len());
                Pin::new(stream).poll_write(cx, buf)
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
