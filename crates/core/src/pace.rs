//! The rate at which a site is asked: buckets of calls, each told by the moment at which it is full again.

/// Calls that a full bucket lets pass at once.
pub const BURST_CALLS: i64 = 5;

/// Which calls a bucket counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Every call.
    Plain,
    /// Calls that the site holds to a tighter rate: writes, and some reads.
    Sensitive,
}

impl Kind {
    /// One more call after this.
    #[must_use]
    pub const fn refill_ms(self) -> i64 {
        match self {
            Self::Plain => 1_000,
            Self::Sensitive => 5_000,
        }
    }

    /// The name in a bucket's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Sensitive => "sensitive",
        }
    }

    /// When the bucket is full again once `calls` more have been taken.
    #[must_use]
    pub fn taken(self, full_at: i64, calls: i64, now: i64) -> i64 {
        full_at.max(now).saturating_add(self.refill_ms().saturating_mul(calls))
    }

    /// How long the last of the calls that were taken has to wait, in milliseconds.
    #[must_use]
    pub fn wait_ms(self, full_at: i64, now: i64) -> i64 {
        full_at.saturating_sub(now).saturating_sub(self.refill_ms() * BURST_CALLS).max(0)
    }

    /// When the bucket is full again if no call may be made before `until`.
    #[must_use]
    pub fn held(self, full_at: i64, until: i64) -> i64 {
        full_at.max(until.saturating_add(self.refill_ms() * (BURST_CALLS - 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_the_rest_waits_its_turn() {
        let mut full_at = 0;
        let mut take = |now| {
            full_at = Kind::Sensitive.taken(full_at, 1, now);
            Kind::Sensitive.wait_ms(full_at, now)
        };
        let waits: Vec<i64> = (0..7).map(|_| take(1_000)).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 5_000, 10_000]);
        assert_eq!(take(41_000), 0, "it has filled meanwhile");
    }

    #[test]
    fn what_the_site_asked_for_is_waited_by_the_next_one_and_all_behind_it() {
        let held = Kind::Plain.held(0, 60_000);
        let next = Kind::Plain.taken(held, 1, 10_000);
        assert_eq!(Kind::Plain.wait_ms(next, 10_000), 50_000);
        let after = Kind::Plain.taken(next, 1, 10_000);
        assert_eq!(Kind::Plain.wait_ms(after, 10_000), 51_000);
        assert_eq!(Kind::Plain.held(1_000_000, 60_000), 1_000_000, "never sooner than it was");
    }
}
