//! The wall clock, as the memory keeps it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// A span in whole milliseconds, capped where the memory's integers end.
pub(crate) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// A moment as Upwork writes it, `2026-10-06T12:30:00Z`.
pub(crate) fn rfc3339(moment_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(moment_ms).unwrap_or_default().to_string()
}
