//! The rate at which Upwork is asked: two buckets for all grants of this address, at the rates of a single one.
//!
//! Who comes while a bucket is empty waits for his turn. The stand-in is asked without waiting.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::tool::Tool;

/// Calls that a full bucket lets pass at once.
const BURST_CALLS: u32 = 5;
const PLAIN_REFILL: Duration = Duration::from_secs(1);
const SENSITIVE_REFILL: Duration = Duration::from_secs(5);

/// Both buckets.
#[derive(Debug)]
pub(crate) struct Pace {
    plain: Bucket,
    sensitive: Bucket,
}

impl Pace {
    /// Full buckets.
    pub(crate) fn new() -> Self {
        Self { plain: Bucket::new(PLAIN_REFILL), sensitive: Bucket::new(SENSITIVE_REFILL) }
    }

    /// Waits until a call of `tool` (none: another message) may be sent.
    pub(crate) async fn turn(&self, tool: Option<Tool>) {
        let bucket = if tool.is_some_and(Tool::is_sensitive) { &self.sensitive } else { &self.plain };
        tokio::time::sleep(bucket.take(Instant::now())).await;
    }
}

/// A bucket, told by the moment at which it is full again.
#[derive(Debug)]
struct Bucket {
    refill: Duration,
    full_at: Mutex<Option<Instant>>,
}

impl Bucket {
    fn new(refill: Duration) -> Self {
        Self { refill, full_at: Mutex::new(None) }
    }

    /// Takes a token; how long to wait until it is there.
    fn take(&self, now: Instant) -> Duration {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let next = full_at.map_or(now, |full_at| full_at.max(now)) + self.refill;
        *full_at = Some(next);
        (next - now).saturating_sub(self.refill * BURST_CALLS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_the_rest_waits_its_turn() {
        let bucket = Bucket::new(Duration::from_secs(5));
        let start = Instant::now();
        let waits: Vec<u64> = (0..7).map(|_| bucket.take(start).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 5, 10]);
        assert_eq!(bucket.take(start + Duration::from_secs(40)).as_secs(), 0);
    }
}
