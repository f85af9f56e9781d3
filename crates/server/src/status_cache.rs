//! Ready-made status answers: filled only after a commit, checked against the account, never a step back.

use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use applyd_core::ids::{AccountId, QueueId};
use applyd_store::application::{Application, Status};
use axum::http::HeaderValue;
use bytes::Bytes;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

/// An answer that may still change is not older than this; nor is one with a sentence, which may be the site's and be
/// erased, by another process too.
const CHANGING_LIVES: Duration = Duration::from_secs(1);
/// Of the hash in an ETag: enough that no two answers ever share one.
const ETAG_BYTES: usize = 16;

/// The answers.
pub(crate) struct StatusCache {
    answers: Cache<QueueId, Arc<Cached>>,
    // Between the look at the version and the insertion nobody else may insert.
    filling: Mutex<()>,
}

/// One answer, ready to be sent.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) body: Bytes,
    /// Strong: of the bytes of the body.
    pub(crate) etag: HeaderValue,
    /// Whether polling ends with it.
    pub(crate) ends: bool,
    /// When time alone brings the next change, Unix milliseconds of the store's clock; `None`: never.
    pub(crate) due_at: Option<i64>,
}

struct Cached {
    account: AccountId,
    version: i64,
    answer: Answer,
    /// Not served from then on; `None`: for ever.
    until: Option<Instant>,
}

impl StatusCache {
    /// Keeps at most so many.
    pub(crate) fn new(most: usize) -> Self {
        Self { answers: Cache::new(most), filling: Mutex::new(()) }
    }

    /// The answer, if it is this account's and still true.
    pub(crate) fn get(&self, account: &AccountId, id: &QueueId, now: i64) -> Option<Answer> {
        let cached = self.answers.get(id)?;
        let fresh = cached.account == *account
            && cached.answer.due_at.is_none_or(|due| now < due)
            && cached.until.is_none_or(|until| Instant::now() < until);
        fresh.then(|| cached.answer.clone())
    }

    /// Takes in what a commit made, and answers it.
    pub(crate) fn publish(&self, application: &Application) -> Answer {
        let id = &application.id;
        self.put(&application.account, id, &application.status())
    }

    /// Takes in what was read, and answers it.
    pub(crate) fn put(&self, account: &AccountId, id: &QueueId, status: &Status) -> Answer {
        let answer = Answer::of(status);
        let lasting = answer.ends && answer.due_at.is_none() && status.answer.error_message.is_none();
        let cached = Cached {
            account: account.clone(),
            version: status.version,
            answer: answer.clone(),
            until: (!lasting).then(|| Instant::now() + CHANGING_LIVES),
        };
        let _filling = self.filling.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if self.answers.get(id).is_none_or(|known| known.version <= status.version) {
            self.answers.insert(id.clone(), Arc::new(cached));
        }
        answer
    }

    /// Another process may have changed it: an answer that could still change is read anew.
    pub(crate) fn forget_open(&self, id: &QueueId) {
        self.answers.remove_if(id, |cached| cached.until.is_some());
    }
}

impl Answer {
    fn of(status: &Status) -> Self {
        // A status answer has nothing that serde_json could refuse; an empty body would show a bug at once.
        let body = Bytes::from(serde_json::to_vec(&status.answer).unwrap_or_default());
        let ends = status.answer.application_status.is_terminal();
        Self { etag: etag(&body), body, ends, due_at: status.due_at }
    }
}

fn etag(body: &[u8]) -> HeaderValue {
    let mut text = String::with_capacity(2 + 2 * ETAG_BYTES);
    text.push('"');
    for byte in &Sha256::digest(body)[..ETAG_BYTES] {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.push('"');
    // Hexadecimal digits and quotes are fit for a header.
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}
