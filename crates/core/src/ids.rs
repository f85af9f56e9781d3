//! Identifiers, made from a time and random bits that the caller brings.

use std::fmt;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

macro_rules! prefixed_ulid {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// A new id of this instant.
            #[must_use]
            pub fn new(now_ms: i64, random: u128) -> Self {
                let ms = u64::try_from(now_ms).unwrap_or(0);
                Self(format!(concat!($prefix, "{}"), Ulid::from_parts(ms, random)))
            }

            /// The id if the text is one, exactly as we write it.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let ulid = Ulid::from_string(text.strip_prefix($prefix)?).ok()?;
                let id = Self(format!(concat!($prefix, "{}"), ulid));
                (id.0 == text).then_some(id)
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

prefixed_ulid!(
    /// An application: `queue_` and a ULID in Crockford base32, upper case.
    QueueId, "queue_"
);
prefixed_ulid!(
    /// An account: `acc_` and a ULID.
    AccountId, "acc_"
);
prefixed_ulid!(
    /// An API key's name in commands, not the key itself: `key_` and a ULID.
    KeyId, "key_"
);
prefixed_ulid!(
    /// An event: `evt_` and a ULID, the same in every delivery.
    EventId, "evt_"
);
prefixed_ulid!(
    /// A preview as it was shown to a person: `show_` and a ULID.
    ShowingId, "show_"
);
prefixed_ulid!(
    /// A webhook endpoint: `wh_` and a ULID.
    WebhookId, "wh_"
);

prefixed_ulid!(
    /// A freelancer: `fl_` and a ULID. Those of the sandbox have names of their own.
    FreelancerId, "fl_"
);
prefixed_ulid!(
    /// A freelancer's profile: `pf_` and a ULID. Those of the sandbox have names of their own.
    ProfileId, "pf_"
);
prefixed_ulid!(
    /// A person who acts under their own name: `person_` and a ULID.
    PersonId, "person_"
);

/// How every API key begins.
pub const API_KEY_PREFIX: &str = "sk_uphunt_";
/// How every person's token begins; it is longer than a [`PersonId`].
pub const PERSON_TOKEN_PREFIX: &str = "person_";
const TOKEN_CHARS: usize = 43;

/// An API key of 32 random bytes: the prefix and their big-endian number as 43 base62 characters.
#[must_use]
pub fn api_key(random: [u8; 32]) -> String {
    token(API_KEY_PREFIX, random)
}

/// A person's token, made the same way.
#[must_use]
pub fn person_token(random: [u8; 32]) -> String {
    token(PERSON_TOKEN_PREFIX, random)
}

/// A secret without a prefix, which is looked up by its hash.
#[must_use]
pub fn secret(random: [u8; 32]) -> String {
    token("", random)
}

/// Whether a text has the form of one.
#[must_use]
pub fn looks_like_secret(text: &str) -> bool {
    looks_like(text, "")
}

fn token(prefix: &str, random: [u8; 32]) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut number = random;
    let mut token = [b'0'; TOKEN_CHARS];
    for place in token.iter_mut().rev() {
        let mut remainder = 0_usize;
        for byte in &mut number {
            let value = remainder * 256 + usize::from(*byte);
            *byte = (value / 62) as u8;
            remainder = value % 62;
        }
        *place = DIGITS[remainder];
    }
    format!("{prefix}{}", token.iter().map(|byte| char::from(*byte)).collect::<String>())
}

/// Whether a text has the form of a key; what has not needs no look-up.
#[must_use]
pub fn looks_like_api_key(text: &str) -> bool {
    looks_like(text, API_KEY_PREFIX)
}

/// Whether a text has the form of a person's token.
#[must_use]
pub fn looks_like_person_token(text: &str) -> bool {
    looks_like(text, PERSON_TOKEN_PREFIX)
}

fn looks_like(text: &str, prefix: &str) -> bool {
    let token = text.strip_prefix(prefix);
    token.is_some_and(|token| token.len() == TOKEN_CHARS && token.bytes().all(|b| b.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn ids_read_back_only_as_written() {
        let id = QueueId::new(1_732_204_800_000, 7);
        assert_eq!(id.as_str().len(), "queue_".len() + 26);
        assert_eq!(QueueId::parse(id.as_str()), Some(id.clone()));
        assert_eq!(QueueId::parse(&id.as_str().to_lowercase()), None);
        assert_eq!(QueueId::parse("queue_abc123"), None);
        assert_eq!(QueueId::parse(&format!("{id} ")), None);
    }

    #[test]
    fn a_key_is_a_padded_base62_number() {
        assert_eq!(api_key([0; 32]), format!("sk_uphunt_{}", "0".repeat(43)));
        let mut one = [0; 32];
        one[31] = 62;
        assert_eq!(api_key(one), format!("sk_uphunt_{}10", "0".repeat(41)));
        assert!(looks_like_api_key(&api_key([255; 32])));
        assert!(!looks_like_api_key("sk_uphunt_abc"));
        let token = person_token([7; 32]);
        assert!(looks_like_person_token(&token) && !looks_like_api_key(&token));
        assert!(!looks_like_person_token(PersonId::new(1, 1).as_str()));
    }
}
