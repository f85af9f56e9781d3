//! A server that answers what a transcript says and notes what it was asked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::script::{Exchange, Form, fill, write};

/// One message as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Of the exchange; `?` for a message that the transcript does not have.
    pub(crate) name: String,
    pub(crate) message: Value,
    pub(crate) headers: BTreeMap<String, String>,
    /// The number of its connection.
    pub(crate) connection: usize,
}

/// A running transcript.
#[derive(Clone)]
pub(crate) struct Scripted {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    origin: String,
    form: Form,
    exchanges: Mutex<Vec<Exchange>>,
    asked: Mutex<Vec<Asked>>,
}

impl Scripted {
    pub(crate) async fn start(exchanges: Vec<Exchange>, form: Form) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let origin = format!("http://{address}");
        let shared =
            Arc::new(Shared { origin, form, exchanges: Mutex::new(exchanges), asked: Mutex::default() });
        let serving = shared.clone();
        tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serving.clone().carry(stream, connection));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn url(&self) -> Url {
        Url::parse(&format!("http://{}/mcp", self.address)).unwrap()
    }

    /// Everything that came, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// How often an exchange was begun.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.asked().iter().filter(|asked| asked.name == name).count()
    }

    /// Fails if anything came that the transcript does not have.
    pub(crate) fn assert_literal(&self) {
        let unknown: Vec<_> = self.asked().into_iter().filter(|asked| asked.name == "?").collect();
        assert!(unknown.is_empty(), "not in the transcript: {unknown:#?}");
    }
}

impl Shared {
    async fn carry(self: Arc<Self>, mut stream: TcpStream, connection: usize) {
        while let Some(request) = read_request(&mut stream).await {
            let asked = form_of(&request.sent);
            let found = {
                let mut exchanges = self.exchanges.lock().unwrap();
                let found = exchanges
                    .iter_mut()
                    .find(|exchange| exchange.is_asked_by(&request.http, &request.sent, &self.origin));
                found.map(|exchange| (exchange.name.clone(), exchange.next_answer()))
            };
            let (name, answer) =
                found.unwrap_or_else(|| ("?".into(), serde_json::json!({"status": 500, "body": ""})));
            let id = request.sent["id"].clone();
            let message = request.sent;
            self.asked.lock().unwrap().push(Asked { name, message, headers: request.headers, connection });
            let wire = write(&fill(&answer, &self.origin, &asked), &id, self.form);
            if stream.write_all(&wire.bytes).await.is_err() {
                return;
            }
            match wire.breaks.as_deref() {
                None => {}
                Some("close") => return,
                Some("reset") => return stream.set_zero_linger().unwrap(),
                Some("stall") => {
                    let _ = stream.read(&mut [0]).await;
                    return;
                }
                Some(other) => panic!("{other}"),
            }
        }
    }
}

struct Request {
    /// Method and path.
    http: String,
    headers: BTreeMap<String, String>,
    /// The JSON, form or query as an object.
    sent: Value,
}

async fn read_request(stream: &mut TcpStream) -> Option<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let pairs = |text: &[u8]| -> Value {
        url::form_urlencoded::parse(text).map(|(key, value)| (key.into_owned(), Value::from(value))).collect()
    };
    let sent = match serde_json::from_slice(&body) {
        Ok(json) => json,
        Err(_) if body.is_empty() => pairs(query.as_bytes()),
        Err(_) => pairs(&body),
    };
    Some(Request { http: format!("{method} {path}"), headers, sent })
}

fn form_of(sent: &Value) -> BTreeMap<String, String> {
    let texts = sent.as_object().into_iter().flatten();
    texts.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}
