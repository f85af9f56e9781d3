//! Ready-made status answers: filled only after a commit, checked against the account, never a step back.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use applyd_core::ids::{AccountId, QueueId};
use applyd_store::application::{Application, Status};
use bytes::Bytes;
use quick_cache::sync::Cache;

/// An answer that may still change is not older than this.
const PROCESSING_LIVES: Duration = Duration::from_secs(1);

/// The answers.
pub(crate) struct StatusCache {
    answers: Cache<QueueId, Arc<Cached>>,
    // Between the look at the version and the insertion nobody else may insert.
    filling: Mutex<()>,
}

struct Cached {
    account: AccountId,
    version: i64,
    body: Bytes,
    /// Not served from this time of the store's clock on; `None`: for ever.
    due_at: Option<i64>,
    /// The same by the monotonic clock.
    until: Option<Instant>,
}

impl StatusCache {
    /// Keeps at most so many.
    pub(crate) fn new(most: usize) -> Self {
        Self { answers: Cache::new(most), filling: Mutex::new(()) }
    }

    /// The answer, if it is this account's and still true.
    pub(crate) fn get(&self, account: &AccountId, id: &QueueId, now: i64) -> Option<Bytes> {
        let cached = self.answers.get(id)?;
        let fresh = cached.account == *account
            && cached.due_at.is_none_or(|due| now < due)
            && cached.until.is_none_or(|until| Instant::now() < until);
        fresh.then(|| cached.body.clone())
    }

    /// Takes in what a commit made, and answers its bytes.
    pub(crate) fn publish(&self, application: &Application) -> Bytes {
        let id = &application.id;
        self.put(&application.account, id, &application.status())
    }

    /// Takes in what was read, and answers its bytes.
    pub(crate) fn put(&self, account: &AccountId, id: &QueueId, status: &Status) -> Bytes {
        // A status answer has nothing that serde_json could refuse; an empty body would show a bug at once.
        let body = Bytes::from(serde_json::to_vec(&status.answer).unwrap_or_default());
        let lasting = status.answer.application_status.is_terminal() && status.due_at.is_none();
        let cached = Cached {
            account: account.clone(),
            version: status.version,
            body: body.clone(),
            due_at: status.due_at,
            until: (!lasting).then(|| Instant::now() + PROCESSING_LIVES),
        };
        let _filling = self.filling.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if self.answers.get(id).is_none_or(|known| known.version <= status.version) {
            self.answers.insert(id.clone(), Arc::new(cached));
        }
        body
    }
}
