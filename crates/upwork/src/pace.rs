//! The rate at which Upwork is asked: the buckets of one address, which all processes on one store share.
//!
//! A call takes its turn from the buckets of its grant and of the address that it comes from. Who comes while one is
//! empty waits for his turn, or is told at once that it comes too late for him.

use std::sync::Arc;
use std::time::{Duration, Instant};

use applyd_core::pace::Kind;
use applyd_store::pace::{self, Bucket, Turn};
use applyd_store::{Error, Store};
use tokio::runtime::Handle;

use crate::fault::Fault;
use crate::tool::Tool;

/// As many calls as the longest read makes that a caller waits for.
const CALLER_CALLS: i64 = 13;
/// All that a caller waits for has its turn within this.
const CALLER_WAIT: Duration = Duration::from_secs(25);
const LONGEST_HOLD_MS: i64 = 3_600_000;

/// The buckets of one address.
pub(crate) struct Pace {
    store: Store,
    egress: String,
}

/// The turns of one session.
#[derive(Clone)]
pub(crate) struct Turns {
    pace: Arc<Pace>,
    grant: String,
    patience: Patience,
}

/// How long a session waits for its turns.
#[derive(Debug, Clone, Copy)]
enum Patience {
    /// For each of them so long: what is done for an application goes on in the background.
    Each(Duration),
    /// For all of them until then: a caller waits.
    Until(Instant),
}

/// A turn that was taken and has not come: it is given back where nobody waits for it any more.
struct Waiting {
    store: Store,
    buckets: Option<Vec<Bucket>>,
}

impl Pace {
    /// The buckets that `store` has for the address named `egress`.
    pub(crate) fn new(store: Store, egress: String) -> Self {
        Self { store, egress }
    }

    /// For a session of `grant` that works for an application and waits up to `each` for every turn.
    pub(crate) fn patient(self: &Arc<Self>, grant: &str, each: Duration) -> Turns {
        Turns { pace: Arc::clone(self), grant: grant.to_owned(), patience: Patience::Each(each) }
    }

    /// For a session that a caller waits for. Whoever could not be served in time takes no turn from an application.
    pub(crate) async fn hurried(self: &Arc<Self>, grant: &str) -> Result<Turns, Fault> {
        let until = Instant::now() + CALLER_WAIT;
        let turns =
            Turns { pace: Arc::clone(self), grant: grant.to_owned(), patience: Patience::Until(until) };
        let (plain, sensitive) = (turns.buckets(Kind::Plain), turns.buckets(Kind::Sensitive));
        let wait_ms = self.store.read(move |tx| {
            let needs = plain.iter().map(|of| (of, CALLER_CALLS)).chain(sensitive.iter().map(|of| (of, 1)));
            needs
                .map(|(of, calls)| pace::wait_ms(tx, of, calls))
                .try_fold(0, |most, ms| Ok::<_, Error>(most.max(ms?)))
        });
        let wait_ms = wait_ms.await?;
        if wait_ms > ms(CALLER_WAIT) {
            Err(Fault::Busy { after_ms: wait_ms - ms(CALLER_WAIT) })
        } else {
            Ok(turns)
        }
    }
}

impl Turns {
    /// Waits until a call of `tool` (none: another message) may be sent.
    pub(crate) async fn turn(&self, tool: Option<Tool>) -> Result<(), Fault> {
        let most = match self.patience {
            Patience::Each(most) => most,
            Patience::Until(until) => until.saturating_duration_since(Instant::now()),
        };
        let mut buckets = self.buckets(Kind::Plain).to_vec();
        if tool.is_some_and(Tool::is_sensitive) {
            buckets.extend(self.buckets(Kind::Sensitive));
        }
        let (store, taken) = (self.pace.store.clone(), buckets.clone());
        match store.write(move |tx| pace::take(tx, &taken, ms(most))).await? {
            Turn::TooLate(after_ms) => Err(Fault::Busy { after_ms }),
            Turn::In(0) => Ok(()),
            Turn::In(wait_ms) => {
                let mut waiting = Waiting { store, buckets: Some(buckets) };
                tokio::time::sleep(Duration::from_millis(wait_ms.unsigned_abs())).await;
                waiting.buckets = None;
                Ok(())
            }
        }
    }

    /// The site wants to be left alone: by everybody, for calls as tight as that of `tool`.
    pub(crate) async fn hold(&self, tool: Option<Tool>, after_ms: i64) {
        let kind = if tool.is_some_and(Tool::is_sensitive) { Kind::Sensitive } else { Kind::Plain };
        let (buckets, after_ms) = (self.buckets(kind), after_ms.clamp(0, LONGEST_HOLD_MS));
        tracing::info!(after_ms, kind = kind.as_str(), "the site asks us to wait");
        if let Err(error) = self.pace.store.write(move |tx| pace::hold(tx, &buckets, after_ms)).await {
            tracing::warn!(%error, "the wait that the site asked for could not be stored");
        }
    }

    fn buckets(&self, kind: Kind) -> [Bucket; 2] {
        [format!("grant:{}", self.grant), format!("egress:{}", self.pace.egress)]
            .map(|of| Bucket { of, kind })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let (Some(buckets), Ok(runtime)) = (self.buckets.take(), Handle::try_current()) {
            let store = self.store.clone();
            runtime.spawn(async move {
                // What is not given back is a turn that nobody has: the rate stays on the safe side.
                let _: Result<(), Error> = store.write(move |tx| pace::give_back(tx, &buckets)).await;
            });
        }
    }
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
