//! Hints that an account may have something to do. A lost hint costs time, never an application.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use applyd_core::ids::AccountId;
use tokio::sync::Notify;

/// Accounts to look after, each at most once.
#[derive(Default)]
pub(crate) struct Wakes {
    accounts: Mutex<HashSet<AccountId>>,
    bell: Notify,
}

impl Wakes {
    /// Asks for a look at an account now.
    pub(crate) fn wake(&self, account: &AccountId) {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).insert(account.clone());
        self.bell.notify_one();
    }

    /// The same after a while.
    pub(crate) fn wake_later(self: &Arc<Self>, account: &AccountId, after: Duration) {
        let (wakes, account) = (Arc::clone(self), account.clone());
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            wakes.wake(&account);
        });
    }

    /// Waits for a hint.
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Takes all hints.
    pub(crate) fn take(&self) -> HashSet<AccountId> {
        std::mem::take(&mut *self.accounts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
