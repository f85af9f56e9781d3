//! How much: what each key and each person may use of each endpoint. Nodes share it by the store, of which a node takes
//! portions; requests are counted in memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use applyd_core::ids::{KeyId, PersonId};
use applyd_core::quota::{Endpoint, Limits, Period, Portion, Short, Standing, Used, Wanted};
use applyd_store::{Error, Store, Tx, rate_limit};
use axum::http::Method;

/// Askers, so that the writer is not busy with it for long.
const GIVEN_BACK_AT_ONCE: usize = 100;
/// For those of one asker who came before and ask the store: where it cannot be reached, each of them takes long.
const TURN_WAIT: Duration = Duration::from_secs(10);
const DAY_MS: i64 = 86_400_000;

/// The endpoint of a route; none for what needs no key.
pub(crate) fn endpoint(method: &Method, route: &str) -> Option<Endpoint> {
    Some(match (method.as_str(), route) {
        ("POST", "/api/auto-apply-v2/apply") => Endpoint::Apply,
        ("GET" | "HEAD", "/api/auto-apply-v2/status") => Endpoint::Status,
        ("GET" | "HEAD", "/api/auto-apply-v2/applied-jobs") => Endpoint::AppliedJobs,
        ("POST", "/api/auto-apply-v2/generate-proposal") => Endpoint::GenerateProposal,
        ("GET" | "HEAD", "/api/auto-apply-v2/freelancers") => Endpoint::Freelancers,
        ("GET" | "HEAD", "/api/jobs/by-ciphertext") => Endpoint::Job,
        ("GET" | "HEAD", "/api/clients/{companyId}/jobs") => Endpoint::ClientJobs,
        ("POST", "/api/auto-apply-v2/preflight") => Endpoint::Preflight,
        ("DELETE", "/api/auto-apply-v2/applications/{queueId}") => Endpoint::Cancel,
        ("GET" | "HEAD", "/api/auto-apply-v2/applications/{queueId}/timeline") => Endpoint::Timeline,
        ("GET" | "HEAD", "/api/auto-apply-v2/events") => Endpoint::Events,
        ("GET" | "HEAD", "/api/webhooks") => Endpoint::WebhookList,
        ("POST", "/api/webhooks") => Endpoint::WebhookCreate,
        ("GET" | "HEAD", "/api/webhooks/{id}") => Endpoint::WebhookRead,
        ("PATCH", "/api/webhooks/{id}") => Endpoint::WebhookUpdate,
        ("DELETE", "/api/webhooks/{id}") => Endpoint::WebhookDelete,
        ("POST", "/api/webhooks/{id}/test") => Endpoint::WebhookTest,
        ("POST", "/api/webhooks/{id}/rotate-secret") => Endpoint::WebhookRotate,
        ("GET" | "HEAD", "/api/webhooks/{id}/deliveries") => Endpoint::WebhookDeliveries,
        ("GET" | "HEAD", "/api/webhooks/events") => Endpoint::WebhookEvents,
        ("POST", "/api/webhooks/events/{id}/redeliver") => Endpoint::WebhookRedeliver,
        ("GET" | "HEAD", "/sandbox/submissions") => Endpoint::Submissions,
        ("GET" | "HEAD", "/api/desk/applications") => Endpoint::DeskList,
        ("GET" | "HEAD", "/api/desk/applications/{queueId}") => Endpoint::DeskRead,
        ("POST", "/api/desk/applications/{queueId}/claim") => Endpoint::DeskClaim,
        ("POST", "/api/desk/applications/{queueId}/release") => Endpoint::DeskRelease,
        ("POST", "/api/desk/applications/{queueId}/declare") => Endpoint::DeskDeclare,
        ("POST", "/api/desk/applications/{queueId}/outcome") => Endpoint::DeskRecord,
        _ => return None,
    })
}

/// Who asks, and is counted apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Asker {
    Key(KeyId),
    Person(PersonId),
}

/// What all who asked of late may use here.
pub(crate) struct Quota {
    is_alone: bool,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    day: i64,
    usages: HashMap<Asker, Arc<Usage>>,
}

/// What one of them may use here.
pub(crate) struct Usage {
    asker: Asker,
    is_alone: bool,
    /// The day it was last asked for.
    day: AtomicI64,
    /// A place for each endpoint, in their order. Whoever asks the store for a portion keeps the others of this asker
    /// waiting, who would only ask for more of the same.
    used: [tokio::sync::Mutex<Used>; Endpoint::ALL.len()],
}

impl Asker {
    fn as_str(&self) -> &str {
        match self {
            Self::Key(id) => id.as_str(),
            Self::Person(id) => id.as_str(),
        }
    }
}

impl Quota {
    /// Of a node that has the database to itself, or shares it. Alone it keeps the minutes to itself: they need no
    /// more than its memory.
    pub(crate) fn new(is_alone: bool) -> Self {
        Self { is_alone, known: Mutex::default() }
    }

    /// What one who asks may use. When a day begins, those are forgotten who have not asked since the day before: a
    /// key that is still known from a moment ago must not be counted apart.
    pub(crate) fn of(&self, asker: Asker, now_ms: i64) -> Arc<Usage> {
        let today = now_ms.div_euclid(DAY_MS);
        let mut known = self.known();
        if known.day != today {
            known.day = today;
            known.usages.retain(|_, usage| usage.day.load(Ordering::Relaxed) >= today - 1);
        }
        let usage = known.usages.entry(asker.clone()).or_insert_with(|| {
            let used = std::array::from_fn(|_| tokio::sync::Mutex::default());
            Arc::new(Usage { asker, is_alone: self.is_alone, day: AtomicI64::default(), used })
        });
        usage.day.store(today, Ordering::Relaxed);
        Arc::clone(usage)
    }

    /// Gives back to the store what is not spent, when no more requests come.
    pub(crate) async fn give_back(&self, store: &Store) -> Result<(), Error> {
        let usages: Vec<_> = self.known().usages.values().cloned().collect();
        for some in usages.chunks(GIVEN_BACK_AT_ONCE) {
            let mut left = Vec::new();
            for usage in some {
                for endpoint in Endpoint::ALL {
                    let unspent = usage.used(*endpoint).await.leave();
                    left.extend(unspent.into_iter().map(|unspent| (usage.asker.clone(), *endpoint, unspent)));
                }
            }
            store
                .write(move |tx| {
                    left.iter().try_for_each(|(asker, endpoint, (window, requests))| {
                        rate_limit::give_back(tx, asker.as_str(), *endpoint, *window, *requests)
                    })
                })
                .await?;
        }
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Usage {
    /// Counts a request, or says that it is one too many. What cannot be counted is not let through: where the store
    /// cannot be reached, nothing else could be done for it either.
    pub(crate) async fn take(
        &self,
        store: &Store,
        endpoint: Endpoint,
        limits: Limits,
    ) -> Result<Result<Standing, Standing>, Error> {
        let too_late = |_| Error::Unreachable("a portion of a limit is waited for".into());
        let mut used = tokio::time::timeout(TURN_WAIT, self.used(endpoint)).await.map_err(too_late)?;
        loop {
            match used.take(store.now() / 1000, limits) {
                Ok(standing) => return Ok(Ok(standing)),
                Err(Short::Exhausted(standing)) => return Ok(Err(standing)),
                Err(Short::Wants(wants)) => {
                    for portion in self.portions(store, endpoint, wants).await? {
                        used.add(portion);
                    }
                }
            }
        }
    }

    async fn portions(
        &self,
        store: &Store,
        endpoint: Endpoint,
        wants: Vec<Wanted>,
    ) -> Result<Vec<Portion>, Error> {
        let is_own = |wanted: &Wanted| self.is_alone && wanted.window.period == Period::Minute;
        let (own, shared): (Vec<_>, Vec<_>) = wants.into_iter().partition(is_own);
        let mut portions: Vec<_> = own.into_iter().map(Wanted::whole).collect();
        if !shared.is_empty() {
            let asker = self.asker.clone();
            let take = move |tx: &Tx<'_>| rate_limit::take(tx, asker.as_str(), endpoint, &shared);
            portions.extend(store.write(take).await?);
        }
        Ok(portions)
    }

    async fn used(&self, endpoint: Endpoint) -> tokio::sync::MutexGuard<'_, Used> {
        self.used[endpoint as usize].lock().await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use applyd_store::Clock;

    use super::*;
    use crate::fresh::Fresh;

    /// A route that is described has its limit, and nothing is limited that is not described.
    #[test]
    fn every_described_route_has_its_limit() {
        let described = serde_json::to_value(crate::description()).unwrap();
        let mut found = Vec::new();
        for (path, item) in described["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                found.extend(endpoint(&method, path));
            }
        }
        for endpoint in Endpoint::ALL {
            assert_eq!(found.iter().filter(|found| *found == endpoint).count(), 1, "{endpoint:?}");
        }
    }

    const LIMITS: Limits = Limits { per_minute: 400, per_day: Some(80) };

    struct Node(Quota, Store);

    impl Node {
        async fn take(&self, asker: &Asker, endpoint: Endpoint) -> Result<u32, u32> {
            let usage = self.0.of(asker.clone(), self.1.now());
            let taken = usage.take(&self.1, endpoint, LIMITS).await.unwrap();
            taken.map(|standing| standing.remaining).map_err(|standing| standing.remaining)
        }
    }

    /// Two on one database, at a time that a test sets.
    fn nodes(fresh: &Fresh, is_alone: bool) -> (Node, Node, Arc<AtomicI64>) {
        let now = Arc::new(AtomicI64::new(1_800_000_000_000));
        let open = || fresh.open(Clock::Manual(Arc::clone(&now)));
        (Node(Quota::new(is_alone), open()), Node(Quota::new(is_alone), open()), now)
    }

    #[tokio::test]
    async fn two_nodes_share_a_limit_and_what_one_gives_back_the_other_can_have() {
        let fresh = Fresh::new();
        let (here, there, now) = nodes(&fresh, false);
        let asker = Asker::Key(KeyId::new(1, 1));
        assert_eq!(here.take(&asker, Endpoint::Apply).await, Ok(79));
        let mut taken = 1;
        while there.take(&asker, Endpoint::Apply).await.is_ok() {
            taken += 1;
        }
        assert_eq!(taken, 79, "one is in the other's portion of two");
        here.0.give_back(&here.1).await.unwrap();
        assert_eq!(here.take(&asker, Endpoint::Apply).await, Ok(0));
        assert_eq!(here.take(&asker, Endpoint::Apply).await, Err(0));
        let other = Asker::Person(PersonId::new(1, 1));
        assert_eq!(here.take(&other, Endpoint::Apply).await, Ok(79), "each has its own");
        assert_eq!(here.take(&asker, Endpoint::Job).await, Ok(79));
        now.fetch_add(DAY_MS, Ordering::Relaxed);
        assert_eq!(here.take(&asker, Endpoint::Apply).await, Ok(79));
    }

    #[tokio::test]
    async fn one_that_is_alone_writes_only_what_outlives_it() {
        let fresh = Fresh::new();
        let (here, after, _) = nodes(&fresh, true);
        let asker = Asker::Key(KeyId::new(1, 1));
        assert_eq!(here.take(&asker, Endpoint::Apply).await, Ok(79));
        here.0.give_back(&here.1).await.unwrap();
        let at_s = here.1.now() / 1000;
        let wants = Period::ALL.map(|period| Wanted { window: period.window(at_s), limit: 80, taken: 0 });
        let id = asker.clone();
        let take = move |tx: &Tx<'_>| rate_limit::take(tx, id.as_str(), Endpoint::Apply, &wants);
        let taken: Vec<_> = here.1.write(take).await.unwrap().iter().map(|portion| portion.taken).collect();
        assert_eq!(taken, [2, 3], "of the minute nothing, of the day one was stored");
        assert_eq!(after.take(&asker, Endpoint::Apply).await, Ok(76));
    }

    #[tokio::test]
    async fn many_at_once_take_no_more_than_one_portion_that_is_left() {
        let fresh = Fresh::new();
        let (here, there, _) = nodes(&fresh, false);
        let asker = Asker::Key(KeyId::new(1, 1));
        let all = futures_util::future::join_all((0..40).map(|_| here.take(&asker, Endpoint::Apply))).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(there.take(&asker, Endpoint::Apply).await, Ok(39));
    }

    #[test]
    fn who_has_not_asked_for_two_days_is_forgotten() {
        let quota = Quota::new(true);
        let of = |n, day| quota.of(Asker::Key(KeyId::new(1, n)), day * DAY_MS);
        let first = of(1, 7);
        of(2, 7);
        assert!(Arc::ptr_eq(&first, &of(1, 8)));
        of(3, 9);
        assert_eq!(quota.known().usages.len(), 2);
    }
}
