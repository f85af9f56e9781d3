//! The request that a task is answering, in reach of whatever runs for it: the log, the limits, the counters.
//!
//! A task's own value rather than a span: a span is written out at each request, also where nothing is logged.

use std::cell::Cell;
use std::future::Future;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use applyd_core::quota::{Endpoint, Standing};

tokio::task_local! {
    static ANSWERING: Answering;
}

/// What is known of the request so far.
pub(crate) struct Answering {
    id: u64,
    endpoint: Cell<Option<Endpoint>>,
    standing: Cell<Option<Standing>>,
}

impl Answering {
    /// A new request; its id is unique within this start, and unlikely to meet again in another.
    pub(crate) fn begin() -> Self {
        static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(fastrand::u64(..)));
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { id, endpoint: Cell::default(), standing: Cell::default() }
    }

    /// Runs what answers it.
    pub(crate) fn scope<F: Future>(self, answer: F) -> impl Future<Output = F::Output> {
        ANSWERING.scope(self, answer)
    }

    /// The request of this task, if it answers one.
    pub(crate) fn with<T>(look: impl FnOnce(&Self) -> T) -> Option<T> {
        ANSWERING.try_with(look).ok()
    }

    /// As the answer and the log show it.
    pub(crate) fn id(&self) -> String {
        format!("{:016x}", self.id)
    }

    /// Which endpoint it asks, once that is known.
    pub(crate) fn endpoint(&self) -> Option<Endpoint> {
        self.endpoint.get()
    }

    /// Where its key stands, once it is counted.
    pub(crate) fn standing(&self) -> Option<Standing> {
        self.standing.get()
    }

    /// Says which endpoint it asks.
    pub(crate) fn asks(endpoint: Endpoint) {
        Self::with(|answering| answering.endpoint.set(Some(endpoint)));
    }

    /// Says where its key stands.
    pub(crate) fn counted(standing: Standing) {
        Self::with(|answering| answering.standing.set(Some(standing)));
    }
}
