//! Every spelling of a job, reduced to one canonical key.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

const LONGEST_INPUT_BYTES: usize = 2048;
const LONGEST_HEX_DIGITS: usize = 32;
const LONGEST_DECIMAL_DIGITS: usize = 20;
/// All ids of the published test jobs begin so; real ids are near 2·10^18.
const PUBLISHED_PREFIX: &str = "~02900000000000000";
const PUBLISHED_UUID_PREFIX: &str = "90000000-0000-4000-8000-00000000";

/// A job as a caller named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobRef {
    /// By ciphertext, or by a URL that holds one.
    Key(JobKey),
    /// By the UUID that an earlier answer gave.
    Processed(Uuid),
}

/// The canonical ciphertext of a job: what duplicates are told by.
///
/// `~02` and the decimal id without leading zeros, or `~01` and the hex digits in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobKey(String);

/// Whether the sandbox knows a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// One of the published test jobs, by its number.
    Known(u16),
    /// Within their block, but reserved: answered as unknown.
    Reserved,
    /// Outside of their block: an ordinary job.
    Ordinary,
}

impl JobRef {
    /// Reads a URL, a ciphertext or a UUID. `None` when it is none of the three.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
        if text.len() > LONGEST_INPUT_BYTES {
            return None;
        }
        if let Some(uuid) = uuid(text) {
            return Some(Self::Processed(uuid));
        }
        let plain = untilde(text);
        JobKey::parse(&plain).or_else(|| JobKey::from_url(text)).map(Self::Key)
    }
}

/// `%7E` is how some clients write `~`.
fn untilde(text: &str) -> String {
    text.replace("%7E", "~").replace("%7e", "~")
}

fn uuid(text: &str) -> Option<Uuid> {
    const HYPHENATED_CHARS: usize = 36;
    if text.len() == HYPHENATED_CHARS { Uuid::try_parse(text).ok() } else { None }
}

impl JobKey {
    /// Reads a ciphertext.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(digits) = text.strip_prefix("~02") {
            let fits = (1..=LONGEST_DECIMAL_DIGITS).contains(&digits.len());
            if !fits || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            let value = digits.trim_start_matches('0');
            return Some(Self(format!("~02{}", if value.is_empty() { "0" } else { value })));
        }
        let digits = text.strip_prefix("~01")?;
        let fits = (1..=LONGEST_HEX_DIGITS).contains(&digits.len());
        (fits && digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .then(|| Self(format!("~01{}", digits.to_ascii_lowercase())))
    }

    /// The key of a decimal Upwork id.
    #[must_use]
    pub fn from_numeric(id: &str) -> Option<Self> {
        Self::parse(&format!("~02{id}"))
    }

    /// A URL of an upwork.com host whose path names exactly one job.
    fn from_url(text: &str) -> Option<Self> {
        let url = Url::parse(text).or_else(|_| Url::parse(&format!("https://{text}"))).ok()?;
        let host = url.host_str()?;
        let ours = host == "upwork.com" || host.ends_with(".upwork.com");
        let plain = url.username().is_empty() && url.password().is_none();
        if !ours || !plain || !matches!(url.scheme(), "https" | "http") {
            return None;
        }
        let mut found = None;
        for segment in url.path_segments()? {
            let segment = untilde(segment);
            let Some(at) = segment.rfind('~') else { continue };
            let (title, key) = segment.split_at(at);
            if !title.is_empty() && !title.ends_with('_') {
                continue;
            }
            match (Self::parse(key), &found) {
                (Some(key), None) => found = Some(key),
                (Some(key), Some(first)) if key != *first => return None,
                _ => {}
            }
        }
        found
    }

    /// The canonical ciphertext.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The decimal Upwork id, if this key holds one.
    #[must_use]
    pub fn numeric(&self) -> Option<&str> {
        self.0.strip_prefix("~02")
    }

    /// What the sandbox knows of it.
    #[must_use]
    pub fn published(&self) -> Published {
        let Some(rest) = self.0.strip_prefix(PUBLISHED_PREFIX) else { return Published::Ordinary };
        match (rest.len(), rest.parse::<u16>()) {
            (4, Ok(number)) => published_number(number),
            _ => Published::Ordinary,
        }
    }

    /// The fixed UUID of a published test job.
    #[must_use]
    pub fn published_uuid(&self) -> Option<Uuid> {
        match self.published() {
            Published::Known(number) => Uuid::try_parse(&format!("{PUBLISHED_UUID_PREFIX}{number:04}")).ok(),
            Published::Reserved | Published::Ordinary => None,
        }
    }

    /// The published test job of a UUID, reserved numbers included.
    #[must_use]
    pub fn of_published_uuid(uuid: &Uuid) -> Option<Self> {
        let text = uuid.hyphenated().to_string();
        let number = text.strip_prefix(PUBLISHED_UUID_PREFIX)?;
        number.bytes().all(|b| b.is_ascii_digit()).then(|| Self(format!("{PUBLISHED_PREFIX}{number}")))
    }
}

fn published_number(number: u16) -> Published {
    match number {
        1..=15 | 17 | 18 | 1000..=9999 => Published::Known(number),
        _ => Published::Reserved,
    }
}

impl fmt::Display for JobKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
