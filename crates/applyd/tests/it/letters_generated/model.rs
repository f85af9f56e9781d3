//! A model's server that does what a test says, and remembers all that it was sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// One request, whole.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) head: String,
    pub(super) body: Value,
}

/// What is answered.
pub(super) enum Act {
    /// This status, these header lines and this body.
    Say(u16, String, String),
    /// Nothing, and the connection stays open.
    Hang,
}

pub(super) struct Model {
    /// For `letters.endpoint`.
    pub(super) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Model {
    /// `act` gets the request and how many came before it.
    pub(super) fn start(act: impl Fn(&Seen, usize) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1/", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (kept, act) = (Arc::clone(&seen), Arc::new(act));
        // It ends with the process of the test.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (kept, act) = (Arc::clone(&kept), Arc::clone(&act));
                std::thread::spawn(move || converse(stream.unwrap(), &kept, &*act));
            }
        });
        Self { url, seen }
    }

    /// A model that writes this.
    pub(super) fn writing(text: &str) -> Self {
        let answer = completion(text);
        Self::start(move |_, _| ok(&answer))
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Seen {
    /// The text of the message of this role.
    pub(super) fn message(&self, role: &str) -> String {
        let messages = self.body["messages"].as_array().unwrap();
        let mut of_role = messages.iter().filter(|message| message["role"] == role);
        let text = of_role.next().unwrap()["content"].as_str().unwrap().to_owned();
        assert!(of_role.next().is_none());
        text
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

pub(super) fn ok(body: &Value) -> Act {
    Act::Say(200, String::new(), body.to_string())
}

pub(super) fn completion(text: &str) -> Value {
    json!({"id": "c-1", "object": "chat.completion", "model": "by-others", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": text, "refusal": null}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 321, "completion_tokens": 45, "total_tokens": 366}})
}

fn converse(stream: TcpStream, kept: &Mutex<Vec<Seen>>, act: &(impl Fn(&Seen, usize) -> Act + ?Sized)) {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let seen = Seen { head, body: serde_json::from_slice(&body).unwrap() };
    let before = {
        let mut kept = kept.lock().unwrap();
        kept.push(seen.clone());
        kept.len() - 1
    };
    let mut stream = reader.into_inner();
    match act(&seen, before) {
        Act::Say(status, headers, body) => {
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n"
            );
            // The server may have given up.
            let _ = stream.write_all(&[head.as_bytes(), body.as_bytes()].concat());
        }
        // Until the server gives up.
        Act::Hang => drop(stream.read(&mut [0])),
    }
}
