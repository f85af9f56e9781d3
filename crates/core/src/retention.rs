//! How long what was read from a channel may be kept and shown: upwork-mcp.md §9.

use crate::job_ref::{JobKey, Published};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// What was read is shown for this long after the read. Asking for it does not prolong it.
pub const CACHED_MS: i64 = DAY_MS;
/// What was read is erased this long after the read.
pub const KEPT_MS: i64 = 30 * DAY_MS;

/// How long what the operator may choose is kept, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// What was written for an application, from its end on.
    pub words_ms: i64,
    /// Events and their deliveries.
    pub events_ms: i64,
}

/// When a read counts as made, Unix milliseconds: now, but for the published test jobs of the sandbox, which are
/// the same all day.
#[must_use]
pub fn synced_at(job: &JobKey, now: i64) -> i64 {
    match job.published() {
        Published::Known(_) => now - now.rem_euclid(DAY_MS),
        Published::Reserved | Published::Ordinary => now,
    }
}

/// Until when what was read may be shown, Unix milliseconds.
#[must_use]
pub fn expires_at(synced_at: i64) -> i64 {
    synced_at.saturating_add(CACHED_MS)
}

/// What was read before this must be erased now, Unix milliseconds.
#[must_use]
pub fn purged_before(now: i64) -> i64 {
    now.saturating_sub(KEPT_MS)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_read_is_shown_for_a_day_and_kept_for_thirty() {
        let (ordinary, now) = (JobKey::parse("~022052895097657407455").unwrap(), 1_800_000_123_456);
        assert_eq!(synced_at(&ordinary, now), now);
        assert_eq!(expires_at(now) - now, 86_400_000);
        assert_eq!(now - purged_before(now), 2_592_000_000);
    }

    #[test]
    fn a_published_job_is_read_at_the_start_of_the_utc_day() {
        let published = JobKey::parse("~029000000000000000001").unwrap();
        assert_eq!(synced_at(&published, 1_767_312_000_000 + 5), 1_767_312_000_000);
        assert_eq!(synced_at(&published, 1_767_312_000_000), 1_767_312_000_000);
        let start = synced_at(&published, 1_767_398_399_999);
        assert_eq!(start, 1_767_312_000_000);
        assert_eq!(expires_at(start), 1_767_398_400_000, "the next day reads anew");
    }
}
