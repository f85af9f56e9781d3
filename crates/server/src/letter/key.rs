//! The key of the model's server, and the proof that no letter tells it.

use secrecy::{ExposeSecret, SecretString};

use crate::config;
use crate::start::{StartError, Tried};

/// Letters and digits; a shorter one could not be told from ordinary words in a letter.
const SHORTEST_CHARS: usize = 16;
const LONGEST_CHARS: usize = 4096;

/// Visible ASCII, never shown by `Debug`.
#[derive(Debug)]
pub(super) struct ModelKey(SecretString);

impl ModelKey {
    /// The key that the settings name, if they do.
    pub(super) fn load(key: config::Key) -> Result<Option<Self>, StartError> {
        let (text, place) = match key {
            config::Key::Absent => return Ok(None),
            config::Key::Given(text) => (text, "letters.key".to_owned()),
            config::Key::File(path) => {
                let shown = path.display().to_string();
                let text = std::fs::read_to_string(&path);
                (text.tried(|| format!("cannot read letters.key_file {shown}"))?.trim().into(), shown)
            }
        };
        let wrong = || {
            std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                "it must have 16 letters and digits or more, only visible ASCII; leave it empty for a server that asks for none",
            )
        };
        let key = Self::parse(text).ok_or_else(wrong).tried(|| format!("the key of {place} is unusable"))?;
        Ok(Some(key))
    }

    pub(super) fn parse(text: SecretString) -> Option<Self> {
        let key = text.expose_secret();
        let fits = folded(key).len() >= SHORTEST_CHARS && key.len() <= LONGEST_CHARS;
        (fits && key.bytes().all(|byte| byte.is_ascii_graphic())).then_some(Self(text))
    }

    /// For the one header that carries it.
    pub(super) fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether a text tells it, however it is spaced, cased or punctuated.
    pub(super) fn is_in(&self, text: &str) -> bool {
        folded(text).contains(&folded(self.expose()))
    }
}

/// Letters and digits in lower case.
fn folded(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn parse(text: &str) -> Option<ModelKey> {
        ModelKey::parse(text.to_owned().into())
    }

    #[test]
    fn a_key_is_long_and_fit_for_a_header() {
        for wrong in [
            "",
            "ollama",
            "sk-short-0123456",
            "----------------",
            "sk-0123456789 abcdef",
            "sk-0123456789äabcdef",
        ] {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
        assert!(parse("sk-0123456789abcdef").is_some());
        assert!(!format!("{:?}", parse("sk-0123456789abcdef").unwrap()).contains("0123"));
    }

    #[test]
    fn a_key_is_found_in_any_spacing() {
        let key = parse("sk-Proj_0123456789-abcdef").unwrap();
        for told in [
            "Bearer sk-Proj_0123456789-abcdef",
            "SK-PROJ_0123456789-ABCDEF",
            "s k - P r o j _ 0123 4567 89-abc\ndef",
            "sk.proj.0123456789.abc\u{200b}def!",
            "![x](https://example.com/?k=sk-Proj_0123456789-abcdef)",
        ] {
            assert!(key.is_in(told), "{told}");
        }
        for other in ["sk-Proj_0123456789-abcde", "Dear client", ""] {
            assert!(!key.is_in(other), "{other}");
        }
    }
}
