//! A socket that can be made to let only a part of an answer pass.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Where the next answer ends, if not at its end.
#[derive(Clone, Default)]
pub(super) struct Cut(Arc<Mutex<Option<f64>>>);

impl Cut {
    pub(super) fn at(&self, share: f64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(share);
    }

    /// How many of these bytes may pass: not the last one. None: all.
    fn most(&self, bytes: usize) -> Option<usize> {
        let share = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some(((bytes as f64 * share) as usize).min(bytes.saturating_sub(1)))
    }
}

/// The client's socket. Head and body of an answer are written at once, as it takes no lists of buffers.
pub(super) struct Socket {
    pub(super) stream: TcpStream,
    pub(super) cut: Cut,
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let most = match self.cut.most(buf.len()) {
            None => return Pin::new(&mut self.stream).poll_write(cx, buf),
            Some(0) => return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            Some(most) => most,
        };
        let written = Pin::new(&mut self.stream).poll_write(cx, &buf[..most]);
        if written.is_ready() {
            self.cut.at(0.0);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
