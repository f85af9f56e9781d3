//! Receivers of webhooks: small HTTP servers of the test, good and bad.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::harness::{POLL, Place};

pub(crate) const LOOPBACK: &str = "127.0.0.1";
/// Longer than anybody waits for an answer.
const HANG: Duration = Duration::from_secs(60);

/// A server of its own; its connections end with it.
pub(crate) struct Receiver {
    pub(crate) url: String,
    shared: Arc<Shared>,
    address: SocketAddr,
}

struct Shared {
    got: Mutex<Vec<Got>>,
    answer: Mutex<Answer>,
    is_over: AtomicBool,
}

/// How a receiver behaves.
#[derive(Debug, Clone)]
#[cfg_attr(not(feature = "failpoints"), allow(dead_code, reason = "some behave so in the kill test only"))]
pub(crate) enum Answer {
    /// With this status.
    Status(u16),
    /// With the one and the other by turns.
    InTurn(u16, u16),
    /// By 307, to there.
    Redirect(String),
    /// Never.
    Hang,
    /// Not at all: the connection is closed after the request was read.
    BreakOff,
}

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// Settings under which a test's receivers may be reached.
pub(crate) fn allow(place: &mut Place) {
    place.set("APPLYD_WEBHOOKS__ALLOW_HTTP", "true");
    place.set("APPLYD_WEBHOOKS__ALLOWED_NETWORKS", "127.0.0.1/32");
}

impl Receiver {
    pub(crate) fn start(answer: Answer) -> Self {
        Self::start_at(LOOPBACK, answer)
    }

    pub(crate) fn start_at(ip: &str, answer: Answer) -> Self {
        let ip: IpAddr = ip.parse().unwrap();
        let listener = TcpListener::bind((ip, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared =
            Shared { got: Mutex::default(), answer: Mutex::new(answer), is_over: AtomicBool::new(false) };
        let receiver = Self { url: format!("http://{address}/hook"), shared: Arc::new(shared), address };
        let shared = Arc::clone(&receiver.shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let (stream, shared) = (stream.unwrap(), Arc::clone(&shared));
                std::thread::spawn(move || {
                    // A sender that is killed breaks off in the middle.
                    let _ = shared.serve(stream);
                });
            }
        });
        receiver
    }

    /// From now on.
    pub(crate) fn answer(&self, answer: Answer) {
        *self.shared.answer.lock().unwrap() = answer;
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.shared.got.lock().unwrap().clone()
    }

    /// Waits until so many came.
    pub(crate) fn wait_for(&self, count: usize, within: Duration) -> Vec<Got> {
        let begun = Instant::now();
        loop {
            let got = self.got();
            if got.len() >= count {
                return got;
            }
            assert!(begun.elapsed() < within, "{} of {count} came within {within:?}: {got:?}", got.len());
            std::thread::sleep(POLL / 5);
        }
    }
}

#[cfg(feature = "failpoints")]
impl Receiver {
    /// Whether it would have noticed a message.
    pub(crate) fn is_listening(&self) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(b"POST /hook HTTP/1.1\r\ncontent-length: 0\r\n\r\n").unwrap();
        self.wait_for(1, Duration::from_secs(5));
    }
}

impl Drop for Receiver {
    /// Closes the port.
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Wakes the accepting thread; when it is gone already, there is nothing to wake.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let got = read(&stream)?;
        let count = {
            let mut all = self.got.lock().unwrap();
            all.push(got);
            all.len()
        };
        let answer = self.answer.lock().unwrap().clone();
        let (status, location) = match answer {
            Answer::Status(status) => (status, String::new()),
            Answer::InTurn(odd, even) => (if count % 2 == 1 { odd } else { even }, String::new()),
            Answer::Redirect(to) => (307, format!("location: {to}\r\n")),
            Answer::BreakOff => return Ok(()),
            Answer::Hang => {
                stream.set_read_timeout(Some(HANG))?;
                // Until the sender has enough of it.
                return stream.read(&mut [0]).map(drop);
            }
        };
        let head =
            format!("HTTP/1.1 {status} X\r\n{location}content-length: 2\r\nconnection: close\r\n\r\nok");
        stream.write_all(head.as_bytes())
    }
}

fn read(stream: &TcpStream) -> std::io::Result<Got> {
    let mut reader = BufReader::new(stream);
    let (mut headers, mut line) = (HeaderMap::new(), String::new());
    reader.read_line(&mut line)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    let broken = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    let length = headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    let mut body = vec![0; length.ok_or_else(broken)?];
    reader.read_exact(&mut body)?;
    assert!(line.starts_with("POST /hook HTTP/1.1"), "{line}");
    Ok(Got { headers, body: String::from_utf8(body).unwrap() })
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {self:?}")).to_str().unwrap()
    }

    pub(crate) fn id(&self) -> &str {
        self.header("webhook-id")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Whether the library of Standard Webhooks believes it.
    pub(crate) fn is_proven_by(&self, secret: &str) -> bool {
        let receiver = standardwebhooks::Webhook::new(secret).unwrap();
        receiver.verify(self.body.as_bytes(), &self.headers).is_ok()
    }

    /// The same for what may have come long ago.
    #[cfg(feature = "failpoints")]
    pub(crate) fn was_signed_by(&self, secret: &str) -> bool {
        let receiver = standardwebhooks::Webhook::new(secret).unwrap();
        let at = self.header("webhook-timestamp").parse().unwrap();
        let signature = receiver.sign(self.id(), at, self.body.as_bytes()).unwrap();
        self.header("webhook-signature") == signature
    }
}
