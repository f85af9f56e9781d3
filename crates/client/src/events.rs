//! The event stream, read on across broken connections.

use std::collections::VecDeque;
use std::time::Duration;

use applyd_wire::EventBody;
use reqwest::Response;

use crate::{Client, Error, refused};

const PATH: &str = "/api/auto-apply-v2/events";
/// The server says that it lives each 15 s.
const LONGEST_SILENCE: Duration = Duration::from_secs(45);
/// Until the server names another one.
const RETRY_AFTER: Duration = Duration::from_secs(3);
/// A stream has no end of its own.
const LONGEST_STREAM: Duration = Duration::from_secs(365 * 24 * 60 * 60);
const LONGEST_LINE_BYTES: usize = 64 * 1024;

/// An account's events, each once, in the order of their commits.
pub struct Events {
    client: Client,
    response: Option<Response>,
    /// Where the next connection goes on.
    cursor: Option<String>,
    retry_after: Duration,
    /// Before the next connection; none before the first.
    pause: Duration,
    parser: Parser,
}

/// Turns bytes into events; what it does not know it leaves out, as the standard says.
#[derive(Default)]
struct Parser {
    line: Vec<u8>,
    data: String,
    id: Option<String>,
    found: VecDeque<Found>,
}

#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// The end of a block: the cursor it names, and the data it carries.
    Block(Option<String>, String),
    Retry(Duration),
}

impl Client {
    /// The account's events after a cursor, from the oldest kept (`start`), or from now on.
    #[must_use]
    pub fn events(&self, after: Option<&str>) -> Events {
        Events {
            client: self.clone(),
            response: None,
            cursor: after.map(ToOwned::to_owned),
            retry_after: RETRY_AFTER,
            pause: Duration::ZERO,
            parser: Parser::default(),
        }
    }
}

impl Events {
    /// Where to go on after the last event that [`Self::next`] answered.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// The next event, however long it takes; a connection that breaks is made anew.
    ///
    /// # Errors
    /// [`Error::Refused`] with 401, 422 or 429; a stream that cannot be read.
    pub async fn next(&mut self) -> Result<EventBody, Error> {
        loop {
            while let Some(found) = self.parser.found.pop_front() {
                match found {
                    Found::Retry(after) => self.retry_after = after,
                    Found::Block(cursor, data) => {
                        self.cursor = cursor.or(self.cursor.take());
                        if !data.is_empty() {
                            return Ok(serde_json::from_str(&data)?);
                        }
                    }
                }
            }
            if self.response.is_none() {
                self.connect().await?;
            }
            let Some(response) = &mut self.response else { continue };
            match tokio::time::timeout(LONGEST_SILENCE, response.chunk()).await {
                Ok(Ok(Some(bytes))) => self.parser.take(&bytes)?,
                Ok(Ok(None) | Err(_)) | Err(_) => self.response = None,
            }
        }
    }

    async fn connect(&mut self) -> Result<(), Error> {
        self.parser = Parser::default();
        while self.response.is_none() {
            tokio::time::sleep(self.pause).await;
            self.pause = self.retry_after;
            let mut call = self.client.http.get(self.client.at(PATH)?).timeout(LONGEST_STREAM);
            if let Some(cursor) = &self.cursor {
                call = call.header("last-event-id", cursor);
            }
            match call.header("x-api-key", &self.client.key).send().await {
                Ok(response) if response.status().is_success() => self.response = Some(response),
                // Starting or overloaded: it will be back.
                Ok(response) if response.status().is_server_error() => {}
                Ok(response) => return Err(refused(response).await?),
                Err(error) if error.is_builder() => return Err(error.into()),
                Err(_) => {}
            }
        }
        Ok(())
    }
}

impl Parser {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        for byte in bytes {
            match byte {
                b'\n' => {
                    let line = std::mem::take(&mut self.line);
                    self.end_line(&String::from_utf8_lossy(&line));
                }
                b'\r' => {}
                _ if self.line.len() + self.data.len() >= LONGEST_LINE_BYTES => return Err(Error::TooLong),
                _ => self.line.push(*byte),
            }
        }
        Ok(())
    }

    fn end_line(&mut self, line: &str) {
        if line.is_empty() {
            let block = Found::Block(self.id.take(), std::mem::take(&mut self.data));
            self.found.push_back(block);
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => self.data.push_str(value),
            "id" => self.id = Some(value.to_owned()),
            "retry" => {
                let after = value.parse().ok().map(Duration::from_millis);
                self.found.extend(after.map(Found::Retry));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn bytes_become_blocks_however_they_are_cut() {
        let text = "retry:3000\nid: start\n\n: beat\n\nevent:a\r\nid:e1\r\ndata: {}\r\n\r\nid:e2\ndata:{";
        for at in 0..text.len() {
            let mut parser = Parser::default();
            parser.take(&text.as_bytes()[..at]).unwrap();
            parser.take(&text.as_bytes()[at..]).unwrap();
            let block = |id: &str, data: &str| Found::Block(Some(id.into()), data.into());
            let found: Vec<_> = parser
                .found
                .into_iter()
                .filter(|found| *found != Found::Block(None, String::new()))
                .collect();
            assert_eq!(
                found,
                [Found::Retry(Duration::from_secs(3)), block("start", ""), block("e1", "{}")],
                "{at}"
            );
        }
    }

    #[test]
    fn a_line_without_end_is_not_gathered() {
        let mut parser = Parser::default();
        assert!(parser.take(&[b'x'; LONGEST_LINE_BYTES]).is_ok());
        assert!(matches!(parser.take(b"x"), Err(Error::TooLong)));
    }
}
