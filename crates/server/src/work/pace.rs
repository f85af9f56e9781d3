//! How long one application of each account has taken of late: what admission by time counts with.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use applyd_core::ids::AccountId;
use applyd_core::queue::recent_ms;

/// Recent times by account.
pub(crate) struct Pace {
    assumed_ms: i64,
    recent: Mutex<HashMap<AccountId, Recent>>,
}

struct Recent {
    takes_ms: i64,
    last_end_at: i64,
}

impl Pace {
    pub(crate) fn new(assumed_ms: i64) -> Self {
        Self { assumed_ms, recent: Mutex::default() }
    }

    /// What one takes; the assumed time until one was seen to end.
    pub(crate) fn of(&self, account: &AccountId) -> i64 {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.get(account).map_or(self.assumed_ms, |recent| recent.takes_ms)
    }

    /// One that was accepted at `accepted_at` has ended. It took from the end of the one before it, so that the
    /// wait for a worker, where all are busy with other accounts, counts too.
    pub(crate) fn ended(&self, account: &AccountId, accepted_at: i64, now: i64) {
        let mut all = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.get(account);
        let began_at = before.map_or(accepted_at, |before| before.last_end_at.max(accepted_at));
        let took_ms = (now - began_at).max(0);
        let takes_ms = recent_ms(before.map_or(took_ms, |before| before.takes_ms), took_ms);
        all.insert(account.clone(), Recent { takes_ms, last_end_at: now });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_for_a_worker_counts_and_the_wait_in_the_own_queue_does_not() {
        let (pace, account) = (Pace::new(500), AccountId::new(0, 1));
        assert_eq!(pace.of(&account), 500);
        // Both accepted at 0; the second waited for the first and took as long.
        pace.ended(&account, 0, 1000);
        pace.ended(&account, 0, 2000);
        assert_eq!(pace.of(&account), 1000);
        // Nothing before it, and it waited 8 s for a place.
        pace.ended(&account, 10_000, 19_000);
        assert_eq!(pace.of(&account), 3000);
    }
}
