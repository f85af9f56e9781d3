//! The reply to one request, gathered from an answer's chunks: plain JSON or an event stream.

use serde_json::Value;

/// Largest answer that is read.
pub(crate) const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Why an answer holds no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("larger than {MAX_ANSWER_BYTES} bytes")]
    TooLarge,
    #[error("neither JSON nor an event stream")]
    OtherType,
    #[error("not JSON")]
    NotJson,
    #[error("ended without the reply")]
    Cut,
}

/// Gathers chunks until the message with the request's id is complete.
pub(crate) struct Intake {
    id: u64,
    is_stream: bool,
    taken_bytes: usize,
    /// JSON: all so far. Event stream: the unfinished line.
    pending: Vec<u8>,
    /// Event stream: the data of the unfinished event.
    data: Option<String>,
    asked: Vec<Value>,
}

impl Intake {
    /// For the reply to request `id`, in the form that the header `Content-Type` names.
    pub(crate) fn new(content_type: Option<&str>, id: u64) -> Result<Self, Unreadable> {
        let kind = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        let is_stream = kind.eq_ignore_ascii_case("text/event-stream");
        if !is_stream && !kind.eq_ignore_ascii_case("application/json") {
            return Err(Unreadable::OtherType);
        }
        Ok(Self { id, is_stream, taken_bytes: 0, pending: Vec::new(), data: None, asked: Vec::new() })
    }

    /// Takes a chunk; the reply, as soon as an event stream has brought it.
    pub(crate) fn take(&mut self, chunk: &[u8]) -> Result<Option<Value>, Unreadable> {
        self.taken_bytes += chunk.len();
        if self.taken_bytes > MAX_ANSWER_BYTES {
            return Err(Unreadable::TooLarge);
        }
        self.pending.extend_from_slice(chunk);
        if !self.is_stream {
            return Ok(None);
        }
        let mut lines = std::mem::take(&mut self.pending);
        let mut start = 0;
        while let Some(length) = lines[start..].iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&lines[start..start + length]).into_owned();
            start += length + 1;
            if let Some(reply) = self.line(line.trim_end_matches('\r'))? {
                return Ok(Some(reply));
            }
        }
        self.pending = lines.split_off(start);
        Ok(None)
    }

    /// The answer is at its end: the reply of a JSON body.
    pub(crate) fn end(mut self) -> Result<Value, Unreadable> {
        if self.is_stream {
            return Err(Unreadable::Cut);
        }
        let body = std::mem::take(&mut self.pending);
        let message = serde_json::from_slice(&body).map_err(|_| Unreadable::NotJson)?;
        self.reply_in(message).ok_or(Unreadable::Cut)
    }

    /// Ids of the requests that the server made meanwhile; each is told once.
    pub(crate) fn asked(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.asked)
    }

    fn line(&mut self, line: &str) -> Result<Option<Value>, Unreadable> {
        if line.is_empty() {
            let Some(data) = self.data.take() else { return Ok(None) };
            let message = serde_json::from_str(&data).map_err(|_| Unreadable::NotJson)?;
            return Ok(self.reply_in(message));
        }
        if let Some(text) = line.strip_prefix("data:") {
            let text = text.strip_prefix(' ').unwrap_or(text);
            match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(text);
                }
                None => self.data = Some(text.to_owned()),
            }
        }
        Ok(None)
    }

    fn reply_in(&mut self, message: Value) -> Option<Value> {
        if let Value::Array(batch) = message {
            return batch.into_iter().find_map(|message| self.reply_in(message));
        }
        let id = message.get("id")?;
        if message.get("method").is_some() {
            self.asked.push(id.clone());
            return None;
        }
        (id.as_u64() == Some(self.id)).then_some(message)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    const STREAM: &str = ": hello\r\n\r\nevent: message\r\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"n\"}\r\n\r\n\
        data: {\"id\":9,\"method\":\"ping\"}\r\n\r\nid: 4\r\ndata: {\"id\":7,\r\ndata:\"result\":{\"a\":1}}\r\n\r\n: never read";

    #[test]
    fn a_stream_is_read_up_to_the_reply_however_it_is_cut() {
        for size in [1, 2, 7, STREAM.len()] {
            let mut intake = Intake::new(Some("text/event-stream; charset=utf-8"), 7).unwrap();
            let reply = STREAM.as_bytes().chunks(size).find_map(|chunk| intake.take(chunk).unwrap());
            assert_eq!(reply.unwrap()["result"], json!({"a": 1}), "{size}");
            assert_eq!(intake.asked(), [json!(9)]);
        }
    }

    #[test]
    fn a_stream_without_the_reply_is_cut() {
        let mut intake = Intake::new(Some("text/event-stream"), 8).unwrap();
        assert_eq!(intake.take(STREAM.as_bytes()), Ok(None));
        assert_eq!(intake.end(), Err(Unreadable::Cut));
    }

    #[test]
    fn json_is_read_to_its_end() {
        let mut intake = Intake::new(Some("application/json"), 7).unwrap();
        assert_eq!(intake.take(b"{\"id\":7,"), Ok(None));
        assert_eq!(intake.take(b"\"result\":1}"), Ok(None));
        assert_eq!(intake.end(), Ok(json!({"id": 7, "result": 1})));
    }

    #[test]
    fn html_too_much_and_half_a_document_are_no_reply() {
        assert_eq!(Intake::new(Some("text/html"), 1).err(), Some(Unreadable::OtherType));
        assert_eq!(Intake::new(None, 1).err(), Some(Unreadable::OtherType));
        let mut intake = Intake::new(Some("application/json"), 1).unwrap();
        assert_eq!(intake.take(&vec![b' '; MAX_ANSWER_BYTES + 1]), Err(Unreadable::TooLarge));
        let mut intake = Intake::new(Some("application/json"), 1).unwrap();
        intake.take(b"{\"id\":1,\"resu").unwrap();
        assert_eq!(intake.end(), Err(Unreadable::NotJson));
    }
}
