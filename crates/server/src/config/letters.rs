//! Settings of the letters: who writes them.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use toml::Value;
use url::{Host, Url};

use super::Invalid;
use super::duration::Span;

const LONGEST_TIMEOUT: Duration = Duration::from_secs(25);
const LONGEST_MODEL_CHARS: usize = 200;

/// Who writes letters.
#[derive(Debug, Clone)]
pub struct Letters {
    /// From the request to the answer.
    pub timeout: Duration,
    /// The model to ask; `None`: the template writes.
    pub chat: Option<Chat>,
}

/// An OpenAI-compatible chat endpoint.
#[derive(Debug, Clone)]
pub struct Chat {
    /// Its `…/chat/completions`.
    pub url: Url,
    /// The model's name there.
    pub model: String,
    /// What it is asked with.
    pub key: Key,
    /// Whether `reasoning_effort` is sent.
    pub send_effort: bool,
}

/// Where the key is.
#[derive(Debug, Clone)]
pub enum Key {
    /// The server asks for none.
    Absent,
    /// In the settings.
    Given(SecretString),
    /// In a file, read at the start of the server.
    File(PathBuf),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLetters {
    endpoint: String,
    model: String,
    key: Secret,
    key_file: String,
    timeout: Span,
    send_effort: bool,
}

/// Text that no error shows: serde would print a value of the wrong type.
#[derive(Deserialize)]
#[serde(try_from = "Value")]
struct Secret(SecretString);

impl TryFrom<Value> for Secret {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        match value {
            Value::String(text) => Ok(Self(text.into())),
            _ => Err("it must be text in quotes"),
        }
    }
}

impl RawLetters {
    pub(super) fn checked(self) -> Result<Letters, Invalid> {
        let timeout = Duration::from(self.timeout);
        if timeout.is_zero() || timeout > LONGEST_TIMEOUT {
            return Err(Invalid::new("letters.timeout", "must be above 0s and at most 25s"));
        }
        let chat = if self.endpoint.is_empty() { None } else { Some(self.chat()?) };
        Ok(Letters { timeout, chat })
    }

    fn chat(self) -> Result<Chat, Invalid> {
        let url = endpoint(&self.endpoint)?;
        let printable = self.model.chars().all(|c| !c.is_control());
        if !printable || !(1..=LONGEST_MODEL_CHARS).contains(&self.model.chars().count()) {
            return Err(Invalid::new("letters.model", "must name the model when letters.endpoint is set"));
        }
        let key = match (self.key.0.expose_secret().is_empty(), self.key_file.is_empty()) {
            (true, true) => Key::Absent,
            (false, true) => Key::Given(self.key.0),
            (true, false) => Key::File(self.key_file.into()),
            (false, false) => {
                return Err(Invalid::new("letters.key_file", "must be empty when letters.key is set"));
            }
        };
        Ok(Chat { url, model: self.model, key, send_effort: self.send_effort })
    }
}

fn endpoint(text: &str) -> Result<Url, Invalid> {
    const RULE: &str = "must be an https address such as https://api.openai.com/v1, or http on this machine \
                        (http://127.0.0.1:11434/v1), without user, query and fragment";
    let wrong = || Invalid::new("letters.endpoint", RULE);
    let mut url = Url::parse(text).map_err(|_| wrong())?;
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !plain || !(url.scheme() == "https" || url.scheme() == "http" && here) {
        return Err(wrong());
    }
    let path = format!("{}/chat/completions", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::{Overrides, Settings};
    use super::*;

    const KEY: &str = "sk-test-canary-0123456789";

    fn load(environment: &[(&str, &str)], file: &str) -> Result<Letters, Invalid> {
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), file).unwrap();
        let environment =
            environment.iter().map(|(k, v)| (format!("APPLYD_LETTERS__{k}"), (*v).to_owned())).collect();
        let overrides = Overrides { flags: vec![], file: Some(path.path().to_owned()), environment };
        Settings::load(&overrides).map(|settings| settings.letters)
    }

    #[test]
    fn without_an_endpoint_the_template_writes() {
        let letters = load(&[], "").unwrap();
        assert!(letters.chat.is_none());
        assert_eq!(letters.timeout, LONGEST_TIMEOUT);
    }

    #[test]
    fn an_endpoint_is_https_or_on_this_machine() {
        for (given, url) in [
            ("https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"),
            ("https://models.example/v1/", "https://models.example/v1/chat/completions"),
            ("https://models.example", "https://models.example/chat/completions"),
            ("http://127.0.0.1:11434/v1", "http://127.0.0.1:11434/v1/chat/completions"),
            ("http://[::1]:1/v1", "http://[::1]:1/v1/chat/completions"),
            ("http://localhost/v1", "http://localhost/v1/chat/completions"),
        ] {
            let chat = load(&[("ENDPOINT", given), ("MODEL", "m")], "").unwrap().chat.unwrap();
            assert_eq!(chat.url.as_str(), url);
        }
        for wrong in [
            "http://api.openai.com/v1",
            "http://localhost.example/v1",
            "http://10.0.0.1/v1",
            "https://user:word@models.example/v1",
            "https://models.example/v1?key=x",
            "ftp://models.example/v1",
            "models.example",
        ] {
            let refused = load(&[("ENDPOINT", wrong), ("MODEL", "m")], "").unwrap_err();
            assert_eq!(refused.key, "letters.endpoint", "{wrong}");
        }
    }

    #[test]
    fn a_wrong_setting_is_named() {
        let here = ("ENDPOINT", "http://127.0.0.1/v1");
        for (environment, key) in [
            (&[here][..], "letters.model"),
            (&[here, ("MODEL", "m"), ("KEY", KEY), ("KEY_FILE", "f")], "letters.key_file"),
            (&[("TIMEOUT", "26s")], "letters.timeout"),
            (&[("TIMEOUT", "0s")], "letters.timeout"),
            (&[("SEND_EFFORT", "maybe")], "letters.send_effort"),
        ] {
            let refused = load(environment, "").unwrap_err();
            assert_eq!(refused.key, key, "{environment:?}");
            assert!(!format!("{refused} {refused:?}").contains(KEY));
        }
    }

    #[test]
    fn the_key_is_shown_by_nothing() {
        let environment = [("ENDPOINT", "http://127.0.0.1/v1"), ("MODEL", "m"), ("KEY", KEY)];
        let letters = load(&environment, "").unwrap();
        assert!(!format!("{letters:?}").contains("canary"));
        for file in [
            "[letters]\nkey = 9315270001\n".to_owned(),
            "[letters]\nkey = [\"9315270001\"]\n".to_owned(),
            "[letters]\nkey = sk-9315270001\n".to_owned(),
            "[letters]\nkey = \"9315270001\n".to_owned(),
            "[letters]\nkey = 9315270001 x\n".to_owned(),
            "[letters]\nkey = \"\\9315270001\"\n".to_owned(),
        ] {
            let refused = load(&[], &file).unwrap_err();
            assert!(!format!("{refused} {refused:?}").contains("931527"), "{file}: {refused}");
        }
    }
}
