//! Receivers that behave as a test needs it, on real sockets.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const LIMIT: Duration = Duration::from_secs(10);

pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    ended: AtomicUsize,
    requests: Mutex<Vec<String>>,
}

#[derive(Clone, Copy)]
enum Then {
    Close,
    Repeat,
    Hang,
}

impl Receiver {
    /// Reads a request, says this and closes.
    pub(super) async fn answering(text: impl Into<String>) -> Self {
        Self::start(text.into(), Then::Close, None).await
    }

    /// The same behind TLS.
    pub(super) async fn secured(text: &str) -> Self {
        let certificate = CertificateDer::from_pem_slice(include_bytes!("receiver.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("receiver-key.pem")).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        Self::start(text.to_owned(), Then::Close, Some(Arc::new(config).into())).await
    }

    /// Says this and then one letter without end.
    pub(super) async fn endless(text: &str) -> Self {
        Self::start(text.to_owned(), Then::Repeat, None).await
    }

    /// Says this and then nothing, but keeps the connection.
    pub(super) async fn hanging_after(text: &str) -> Self {
        Self::start(text.to_owned(), Then::Hang, None).await
    }

    /// An address where nobody listens.
    pub(super) async fn closed() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap().clone()
    }

    /// The first one.
    pub(super) fn request(&self) -> String {
        self.requests().swap_remove(0)
    }

    /// Waits until the sender has closed its connection.
    pub(super) async fn is_left(&self) {
        let end = tokio::time::Instant::now() + LIMIT;
        while self.seen.ended.load(Ordering::SeqCst) == 0 {
            assert!(tokio::time::Instant::now() < end, "the connection is still open");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn start(text: String, then: Then, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let receiver = Self { address, seen: Arc::clone(&seen) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                seen.connections.fetch_add(1, Ordering::SeqCst);
                match &tls {
                    None => serve(stream, &text, then, &seen).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            serve(stream, &text, then, &seen).await;
                        }
                    }
                }
                seen.ended.fetch_add(1, Ordering::SeqCst);
            }
        });
        receiver
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, text: &str, then: Then, seen: &Seen) {
    let mut request = Vec::new();
    while !is_whole(&request) {
        match stream.read_buf(&mut request).await {
            Ok(bytes) if bytes > 0 => {}
            _ => return,
        }
    }
    seen.requests.lock().unwrap().push(String::from_utf8(request).unwrap());
    let _ = stream.write_all(text.as_bytes()).await;
    match then {
        Then::Close => {
            let _ = stream.shutdown().await;
        }
        Then::Repeat => while stream.write_all(&[b'a'; 1024]).await.is_ok() {},
        Then::Hang => while stream.read_u8().await.is_ok() {},
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}
