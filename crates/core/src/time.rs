//! The clock's rules: how long each part of an application may take. Unix milliseconds everywhere.

use serde::Deserialize;

/// The limits of one application, in milliseconds. Defaults and reasons: `applyd.default.toml`, `[timing]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Timing {
    /// No intent later than this after acceptance.
    pub intent_cutoff_ms: i64,
    /// What is not settled by then is ended.
    pub deadline_ms: i64,
    /// The sender does not begin to write later than this after the intent.
    pub send_by_ms: i64,
    /// The sender does not wait longer than this after the intent.
    pub answer_by_ms: i64,
    /// How long a worker owns what it took.
    pub lease_ms: i64,
    /// How often it says that it lives.
    pub heartbeat_ms: i64,
    /// Wait after the permit is closed, before reads count as negative.
    pub drain_ms: i64,
    /// Between two negative reads.
    pub read_spacing_ms: i64,
    /// Longest wait for one read.
    pub read_timeout_ms: i64,
    /// First delay of a repeated try; doubles.
    pub retry_base_ms: i64,
    /// What one application of an organisation is taken to need until one was seen to end.
    pub assumed_ms: i64,
}

/// An unknown outcome is written off this long after its intent.
pub const GIVE_UP_MS: i64 = 24 * 60 * 60 * 1000;
/// Nobody has approved by then, after acceptance.
pub const APPROVAL_MS: i64 = 24 * 60 * 60 * 1000;
/// How long an application that a person looks at keeps its organisation's preview slot.
pub const OPENING_MS: i64 = 180_000;
/// An approval ends this long before the preview it names.
pub const PREVIEW_MARGIN_MS: i64 = 30_000;
/// How long a person at the desk keeps what was claimed.
pub const DESK_CLAIM_MS: i64 = 60 * 60 * 1000;
/// After "I am submitting now" the outcome must be recorded within this.
pub const DESK_ANSWER_MS: i64 = 30 * 60 * 1000;
/// A desk's cutoff and deadline, after acceptance.
pub const DESK_MS: i64 = 24 * 60 * 60 * 1000;
/// A success that no read confirms counts as final after this.
pub const CONFIRM_WAIT_MS: i64 = 20_000;
/// The site's and our clock may differ by this much.
pub const CLOCK_MARGIN_MS: i64 = 60_000;

/// A time as the wire writes it: ISO-8601 with milliseconds and `Z`.
#[must_use]
pub fn iso(ms: i64) -> String {
    format!("{:.3}", jiff::Timestamp::from_millisecond(ms).unwrap_or_default())
}

impl Timing {
    /// The defaults of the contract.
    pub const DEFAULT: Self = Self {
        intent_cutoff_ms: 200_000,
        deadline_ms: 270_000,
        send_by_ms: 10_000,
        answer_by_ms: 60_000,
        lease_ms: 30_000,
        heartbeat_ms: 10_000,
        drain_ms: 20_000,
        read_spacing_ms: 10_000,
        read_timeout_ms: 45_000,
        retry_base_ms: 1_000,
        assumed_ms: 2_000,
    };

    /// The same limits, if they keep the protocol's promises.
    ///
    /// # Errors
    /// The key that breaks one, and the rule.
    pub fn checked(self) -> Result<Self, (&'static str, &'static str)> {
        let most = Self::DEFAULT;
        let rules = [
            (self.intent_cutoff_ms > most.intent_cutoff_ms, "intent_cutoff", "may only be lowered (200s)"),
            (self.deadline_ms > most.deadline_ms, "deadline", "may only be lowered (270s)"),
            (self.answer_by_ms > most.answer_by_ms, "answer_by", "may only be lowered (60s)"),
            (self.send_by_ms > most.send_by_ms, "send_by", "may only be lowered (10s)"),
            (self.intent_cutoff_ms <= 0, "intent_cutoff", "must be above 0"),
            (self.answer_by_ms <= self.send_by_ms, "answer_by", "must be above timing.send_by"),
            (
                self.intent_cutoff_ms + self.answer_by_ms >= self.deadline_ms,
                "deadline",
                "must be above timing.intent_cutoff + timing.answer_by",
            ),
            (self.heartbeat_ms <= 0, "heartbeat", "must be above 0"),
            (self.heartbeat_ms * 3 > self.lease_ms, "lease", "must be at least three heartbeats"),
            (self.send_by_ms * 2 > self.lease_ms, "send_by", "must be at most half of timing.lease"),
            (self.send_by_ms <= 0, "send_by", "must be above 0"),
            (self.read_timeout_ms <= 0, "read_timeout", "must be above 0"),
            (self.assumed_ms <= 0, "assumed", "must be above 0"),
        ];
        match rules.into_iter().find(|(broken, ..)| *broken) {
            Some((_, key, rule)) => Err((key, rule)),
            None => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_its_milliseconds_even_when_they_are_zero() {
        assert_eq!(iso(1_732_204_800_000), "2024-11-21T16:00:00.000Z");
        assert_eq!(iso(1_732_204_800_070), "2024-11-21T16:00:00.070Z");
    }

    #[test]
    fn the_defaults_keep_the_promises_and_a_longer_deadline_does_not() {
        assert_eq!(Timing::DEFAULT.checked(), Ok(Timing::DEFAULT));
        let longer = Timing { deadline_ms: 270_001, ..Timing::DEFAULT };
        assert_eq!(longer.checked().map_err(|(key, _)| key), Err("deadline"));
        let tight = Timing { answer_by_ms: 60_000, deadline_ms: 260_000, ..Timing::DEFAULT };
        assert_eq!(tight.checked().map_err(|(key, _)| key), Err("deadline"));
    }
}
