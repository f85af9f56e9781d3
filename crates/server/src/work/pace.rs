//! How long one application of each account has taken of late: what admission by time counts with.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use applyd_core::ids::AccountId;
use applyd_core::queue::recent_ms;

/// Recent times by account, in milliseconds.
pub(crate) struct Pace {
    assumed_ms: i64,
    recent: Mutex<HashMap<AccountId, i64>>,
}

impl Pace {
    pub(crate) fn new(assumed_ms: i64) -> Self {
        Self { assumed_ms, recent: Mutex::default() }
    }

    /// What one takes; the assumed time until one was seen to end.
    pub(crate) fn of(&self, account: &AccountId) -> i64 {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.get(account).copied().unwrap_or(self.assumed_ms)
    }

    /// One has ended.
    pub(crate) fn took(&self, account: &AccountId, ms: i64) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let before = recent.get(account).copied().unwrap_or(ms);
        recent.insert(account.clone(), recent_ms(before, ms));
    }
}
