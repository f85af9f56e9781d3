//! Settings of what is kept.

use applyd_core::retention::{KEPT_MS, Kept};
use serde::Deserialize;

use super::{Invalid, Span};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRetention {
    words: Span,
    events: Span,
}

const LONGEST_EVENTS_MS: i64 = 365 * 24 * 60 * 60 * 1000;

impl RawRetention {
    /// Upwork's terms are a bound from above, what the API promises is one from below.
    pub(super) fn checked(&self) -> Result<Kept, Invalid> {
        let (words_ms, events_ms) = (self.words.ms(), self.events.ms());
        if words_ms > KEPT_MS {
            return Err(Invalid::new("retention.words", "must be from 0s to 720h"));
        }
        if !(KEPT_MS..=LONGEST_EVENTS_MS).contains(&events_ms) {
            return Err(Invalid::new("retention.events", "must be from 720h to 8760h"));
        }
        Ok(Kept { words_ms, events_ms })
    }
}
