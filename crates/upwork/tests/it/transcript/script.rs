//! What a transcript holds: the messages that are expected and the answers that are given.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

/// In a transcript: any text.
const ANY: &str = "…";

/// One message of the client and what answers it; an array of answers is given one by one, the last for ever.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) name: String,
    /// `POST /mcp` where the transcript names none.
    http: String,
    sends: Value,
    answers: Vec<Value>,
}

/// The form of JSON-RPC replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    /// An event stream that does not end by itself.
    pub(crate) is_stream: bool,
    pub(crate) structured: Structured,
}

/// What stands in `structuredContent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Structured {
    /// There is no such member.
    Absent,
    /// `{}`: the document is the text.
    Empty,
    /// The document; the text is for people.
    Document,
}

impl Form {
    pub(crate) const PLAIN: Self = Self { is_stream: false, structured: Structured::Absent };
    /// The two that differ most.
    pub(crate) const BOTH: [Self; 2] =
        [Self::PLAIN, Self { is_stream: true, structured: Structured::Document }];

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        [Structured::Absent, Structured::Empty, Structured::Document]
            .into_iter()
            .flat_map(|structured| [false, true].map(|is_stream| Self { is_stream, structured }))
    }
}

/// The JSON of a transcript.
pub(crate) fn file(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The exchanges of a transcript, by name.
pub(crate) fn exchanges(name: &str) -> Vec<Exchange> {
    file(name).as_array().unwrap().iter().map(Exchange::of).collect()
}

impl Exchange {
    pub(crate) fn of(value: &Value) -> Self {
        let mut exchange = Self {
            name: value["name"].as_str().unwrap().to_owned(),
            http: value["http"].as_str().unwrap_or("POST /mcp").to_owned(),
            sends: value["sends"].clone(),
            answers: Vec::new(),
        };
        exchange.replies(&value["answer"]);
        exchange
    }

    /// Other answers than the transcript's.
    pub(crate) fn replies(&mut self, answer: &Value) {
        self.answers = answer.as_array().cloned().unwrap_or_else(|| vec![answer.clone()]);
    }

    /// The transcript's answer with members set by their JSON pointers; null removes one.
    pub(crate) fn changes(&mut self, changes: &Value) {
        for (pointer, value) in changes.as_object().unwrap() {
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            let place = self.answers[0].pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}"));
            match value {
                Value::Null => drop(place.as_object_mut().unwrap().remove(key)),
                value => place[key] = value.clone(),
            }
        }
    }

    /// Another member to expect, as the client was asked for something else.
    pub(crate) fn expects(&mut self, pointer: &str, value: Value) {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        self.sends.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}"))[key] = value;
    }

    pub(crate) fn is_asked_by(&self, http: &str, sent: &Value, origin: &str) -> bool {
        self.http == http
            && (self.sends.is_null() || agrees(&fill(&self.sends, origin, &BTreeMap::new()), sent))
    }

    pub(crate) fn next_answer(&mut self) -> Value {
        if self.answers.len() > 1 { self.answers.remove(0) } else { self.answers[0].clone() }
    }
}

/// Whether what was sent is literally what a transcript has. Ids are the client's own.
fn agrees(expected: &Value, sent: &Value) -> bool {
    match (expected, sent) {
        (Value::String(any), Value::String(sent)) if any == ANY => !sent.is_empty(),
        (Value::Object(expected), Value::Object(sent)) => {
            let id = usize::from(expected.contains_key("jsonrpc") && sent.contains_key("id"));
            expected.len() + id == sent.len()
                && expected.iter().all(|(key, value)| sent.get(key).is_some_and(|sent| agrees(value, sent)))
        }
        (Value::Array(expected), Value::Array(sent)) => {
            expected.len() == sent.len() && expected.iter().zip(sent).all(|(one, other)| agrees(one, other))
        }
        (expected, sent) => expected == sent,
    }
}

/// Texts with `{origin}` and what the request named in their places.
pub(crate) fn fill(value: &Value, origin: &str, asked: &BTreeMap<String, String>) -> Value {
    match value {
        Value::String(text) => {
            let filled = asked.iter().fold(text.replace("{origin}", origin), |text, (key, value)| {
                text.replace(&format!("{{{key}}}"), value)
            });
            filled.into()
        }
        Value::Array(items) => items.iter().map(|item| fill(item, origin, asked)).collect(),
        Value::Object(members) => {
            members.iter().map(|(key, value)| (key.clone(), fill(value, origin, asked))).collect()
        }
        other => other.clone(),
    }
}

/// An answer as it goes over the wire, and whether the connection is broken after it.
pub(crate) struct Wire {
    pub(crate) bytes: Vec<u8>,
    pub(crate) breaks: Option<String>,
}

/// Writes an answer to request `id`.
pub(crate) fn write(answer: &Value, id: &Value, form: Form) -> Wire {
    let status = answer["status"].as_u64().unwrap_or(200);
    let mut head = format!("HTTP/1.1 {status} Any\r\n");
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        head += &format!("{name}: {}\r\n", value.as_str().unwrap());
    }
    let whole = |head: String, body: &str| format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    let typed = |head: String| head + "content-type: application/json\r\n";
    let bytes = match (answer.get("body"), answer.get("json"), reply(answer, id, form.structured)) {
        (Some(body), ..) => whole(head, body.as_str().unwrap()),
        (_, Some(json), _) => whole(typed(head), &json.to_string()),
        (.., Some(reply)) if form.is_stream => {
            let body = stream(&reply, answer.get("asks_first"));
            format!(
                "{head}content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n",
                body.len()
            )
        }
        (.., Some(reply)) => whole(typed(head), &reply.to_string()),
        (None, None, None) => String::new(),
    };
    let mut bytes = bytes.into_bytes();
    if let Some(kept) = answer["cut_after_bytes"].as_u64() {
        bytes.truncate(kept as usize);
    }
    Wire { bytes, breaks: answer["breaks"].as_str().map(str::to_owned) }
}

fn reply(answer: &Value, id: &Value, structured: Structured) -> Option<Value> {
    let result = match (answer.get("result"), answer.get("document"), answer.get("text")) {
        (Some(result), ..) => result.clone(),
        (_, Some(document), _) => {
            let text =
                if structured == Structured::Document { "See below.".into() } else { document.to_string() };
            let mut result = json!({"content": [{"type": "text", "text": text}]});
            match structured {
                Structured::Absent => {}
                Structured::Empty => result["structuredContent"] = json!({}),
                Structured::Document => result["structuredContent"] = document.clone(),
            }
            if let Some(is_error) = answer.get("isError") {
                result["isError"] = is_error.clone();
            }
            result
        }
        (.., Some(text)) => {
            json!({"content": [{"type": "text", "text": text}], "isError": answer["isError"]})
        }
        (None, None, None) => {
            let error = answer.get("error")?;
            return Some(json!({"jsonrpc": "2.0", "id": id, "error": error}));
        }
    };
    Some(json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

/// Comments, a notification (or what the server asks the client), an answer to somebody else, then the reply over
/// many lines.
fn stream(reply: &Value, asks: Option<&Value>) -> String {
    let notification =
        json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "working"}});
    let notification = asks.cloned().unwrap_or(notification);
    let other = json!({"jsonrpc": "2.0", "id": "other", "result": {"status": "error"}});
    let lines: String = format!("{reply:#}").lines().map(|line| format!("data: {line}\r\n")).collect();
    format!(
        ": hello\r\n\r\nevent: message\r\ndata: {notification}\r\n\r\nid: 1\r\ndata: {other}\r\n\r\n: more\r\nevent: message\r\n{lines}\r\n"
    )
}
