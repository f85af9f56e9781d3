//! The one send: once, on its own connection, in time, or not at all.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use applyd_sandbox::{Behaviour, ConfirmFault};
use applyd_upwork::{Consent, Ready};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::world::{World, client, crossed, name, usual};

/// What becomes of a connection on which a whole confirm has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Drop,
    Reset,
    BadGateway,
    HalfAnswer,
    Stall,
    Html,
    /// The session is unknown all at once: first at a read, then at the confirm.
    LostSession,
    /// It is closed before anything arrives, while the client prepares.
    ClosedBefore,
}

/// A proxy before the stand-in that never forwards a confirm: it counts them and breaks off.
struct Breaker {
    address: SocketAddr,
    seen: Arc<Seen>,
}

/// What a [`Breaker`] has seen.
#[derive(Default)]
struct Seen {
    /// Confirms that arrived whole.
    confirms: AtomicUsize,
    /// Connections with a confirm that the client closed without another byte.
    closed: AtomicUsize,
    /// Sessions that were begun.
    sessions: AtomicUsize,
    has_lost_session: AtomicBool,
}

impl Breaker {
    async fn start(stand_in: SocketAddr, fate: Fate) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let breaker = Self { address: listener.local_addr().unwrap(), seen: Arc::default() };
        let seen = breaker.seen.clone();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(carry(client, stand_in, fate, seen.clone()));
            }
        });
        breaker
    }

    fn confirms(&self) -> usize {
        self.seen.confirms.load(Ordering::SeqCst)
    }

    fn closed(&self) -> usize {
        self.seen.closed.load(Ordering::SeqCst)
    }
}

async fn carry(mut client: TcpStream, stand_in: SocketAddr, fate: Fate, seen: Arc<Seen>) {
    if fate == Fate::ClosedBefore {
        // The reads come first and at once; a connection that brings nothing is the confirm's.
        let mut byte = [0];
        if tokio::time::timeout(Duration::from_millis(200), client.peek(&mut byte)).await.is_err() {
            return;
        }
    }
    let mut server = TcpStream::connect(stand_in).await.unwrap();
    while let Some(request) = read_message(&mut client).await {
        let request = String::from_utf8(request).unwrap();
        if !request.contains("confirm_preview") {
            let request = lose_session(request, fate, &seen);
            server.write_all(request.as_bytes()).await.unwrap();
            client.write_all(&read_message(&mut server).await.unwrap()).await.unwrap();
            continue;
        }
        seen.confirms.fetch_add(1, Ordering::SeqCst);
        let answer: &[u8] = match fate {
            Fate::Drop | Fate::ClosedBefore => return,
            Fate::Reset => return client.set_zero_linger().unwrap(),
            Fate::BadGateway => b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n",
            Fate::LostSession => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            Fate::Html => b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nhi",
            Fate::HalfAnswer => {
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{\"id\":"
            }
            Fate::Stall => {
                let more = client.read(&mut [0]).await;
                assert!(matches!(more, Ok(0) | Err(_)), "a byte after the confirm");
                seen.closed.fetch_add(1, Ordering::SeqCst);
                return;
            }
        };
        let _ = client.write_all(answer).await;
        if fate == Fate::HalfAnswer {
            return;
        }
    }
}

/// Spoils the session of the first read of the job.
fn lose_session(request: String, fate: Fate, seen: &Seen) -> String {
    if request.contains("\"initialize\"") {
        seen.sessions.fetch_add(1, Ordering::SeqCst);
    }
    let is_first_read = fate == Fate::LostSession
        && request.contains("upwork__find_jobs")
        && !seen.has_lost_session.swap(true, Ordering::SeqCst);
    if is_first_read {
        request.replace("mcp-session-id: session_", "mcp-session-id: another_")
    } else {
        request
    }
}

/// One HTTP message with `Content-Length`, or without a body.
async fn read_message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut byte = [0; 1];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).await.ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes.clone()).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    bytes.extend(body);
    Some(bytes)
}

async fn behind(fate: Fate) -> (World, Breaker, Ready) {
    let world = World::start().await;
    let stand_in = SocketAddr::new("127.0.0.1".parse().unwrap(), world.url.port().unwrap());
    let breaker = Breaker::start(stand_in, fate).await;
    let url = Url::parse(&format!("http://{}/mcp", breaker.address)).unwrap();
    let ready =
        client(&world.store, &url, Consent::ByItself).prepare(&world.assignment(1), &mut None).await.unwrap();
    (world, breaker, ready)
}

#[tokio::test]
async fn a_server_that_breaks_off_gets_one_confirm() {
    for fate in [Fate::Drop, Fate::Reset, Fate::BadGateway, Fate::HalfAnswer, Fate::Html] {
        let (world, breaker, ready) = behind(fate).await;
        let outcome = ready.confirm(usual()).await;
        assert_eq!(name(&outcome), "unknown", "{fate:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(breaker.confirms(), 1, "{fate:?}");
        assert_eq!(world.counts(), (0, 0));
    }
}

#[tokio::test]
async fn a_lost_session_is_begun_anew_for_a_read_and_never_for_the_confirm() {
    let (_world, breaker, ready) = behind(Fate::LostSession).await;
    let sessions = || breaker.seen.sessions.load(Ordering::SeqCst);
    assert_eq!(sessions(), 2);
    assert_eq!(name(&ready.confirm(usual()).await), "unknown");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((breaker.confirms(), sessions()), (1, 2));
}

#[tokio::test]
async fn a_server_that_stalls_is_left_at_answer_by() {
    let (_world, breaker, ready) = behind(Fate::Stall).await;
    let start = Instant::now();
    let outcome = ready.confirm(crossed(Duration::from_millis(200), Duration::from_millis(400))).await;
    assert_eq!(name(&outcome), "unknown");
    assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!((breaker.confirms(), breaker.closed()), (1, 1));
}

#[tokio::test]
async fn a_connection_that_died_before_is_proof_that_nothing_was_sent() {
    let (_world, breaker, ready) = behind(Fate::ClosedBefore).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(name(&ready.confirm(usual()).await), "not sent");
    assert_eq!(breaker.confirms(), 0);
}

#[tokio::test]
async fn after_send_by_nothing_is_sent_and_neither_by_dropping() {
    let (_world, breaker, ready) = behind(Fate::Drop).await;
    let late = crossed(Duration::ZERO, Duration::from_secs(5));
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(name(&ready.confirm(late).await), "not sent");
    let (_world, other, ready) = behind(Fate::Drop).await;
    drop(ready);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((breaker.confirms(), other.confirms()), (0, 0));
}

#[tokio::test]
async fn a_send_that_is_dropped_half_way_is_never_repeated() {
    let (_world, breaker, ready) = behind(Fate::Stall).await;
    let send = tokio::spawn(ready.confirm(usual()));
    tokio::time::sleep(Duration::from_millis(200)).await;
    send.abort();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!((breaker.confirms(), breaker.closed()), (1, 1));
}

#[tokio::test]
async fn the_stand_ins_own_faults_are_unknown_and_counted_once() {
    for (confirm, accepted) in [
        (ConfirmFault::LostAfterCommit, 1),
        (ConfirmFault::LostBeforeCommit, 0),
        (ConfirmFault::BadGatewayAfterCommit, 1),
        (ConfirmFault::ResetAfterCommit, 1),
        (ConfirmFault::StallAfterCommit, 1),
        (ConfirmFault::HtmlForbidden, 0),
        (ConfirmFault::PlainText, 0),
    ] {
        let world = World::with(Behaviour { confirm, ..Behaviour::default() }).await;
        let ready = world.prepare(1).await.unwrap();
        let outcome = ready.confirm(crossed(Duration::from_millis(300), Duration::from_millis(600))).await;
        assert_eq!(name(&outcome), "unknown", "{confirm:?}: {outcome:?}");
        assert_eq!(world.counts(), (1, accepted), "{confirm:?}");
    }
}
