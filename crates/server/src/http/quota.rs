//! How much: each key's count for each endpoint, in memory; what counts for a whole day is also stored.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use applyd_core::ids::{KeyId, PersonId};
use applyd_core::quota::{Endpoint, Limits, Standing, Used, day_of};
use applyd_store::{Error, Store, Tx, rate_limit};
use axum::http::Method;

/// What a kill may forget of a day's count is not more than this.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// So that the writer is not busy with it for long.
const SAVED_AT_ONCE: usize = 500;

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
    /// Has no limit of a day, so that nothing of it is stored.
    Person(PersonId),
}

/// The counts of all who asked of late.
#[derive(Default)]
pub(crate) struct Quota(Mutex<HashMap<Asker, Arc<Usage>>>);

/// The counts of one of them.
pub(crate) struct Usage([Mutex<Counted>; Endpoint::ALL.len()]);

#[derive(Default)]
struct Counted {
    used: Used,
    /// Requests that the store has not heard of, and their day.
    unsaved: u32,
    unsaved_day: i64,
}

impl Quota {
    /// The counts of one who asks; new ones go on from what the store has of today.
    pub(crate) fn of(&self, asker: Asker, today: i64, stored: &[(Endpoint, u32)]) -> Arc<Usage> {
        let fresh = || {
            let usage = Usage(std::array::from_fn(|_| Mutex::default()));
            for (endpoint, used) in stored {
                usage.counted(*endpoint).used = Used::on_day(today, *used);
            }
            Arc::new(usage)
        };
        Arc::clone(lock(&self.0).entry(asker).or_insert_with(fresh))
    }

    /// Tells the store for ever.
    pub(crate) async fn keep_saving(&self, store: &Store) {
        let mut ticks = tokio::time::interval(SAVE_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.save(store).await {
                tracing::warn!(%error, "the day's counts could not be stored; they are tried again");
            }
        }
    }

    /// Adds to the store what it has not heard of, and learns what others have added. Forgets who has asked neither
    /// today nor yesterday: a key that is still known from a moment ago must not be counted apart.
    pub(crate) async fn save(&self, store: &Store) -> Result<(), Error> {
        let today = day_of(store.now() / 1000);
        let usages: Vec<_> =
            lock(&self.0).iter().map(|(asker, usage)| (asker.clone(), Arc::clone(usage))).collect();
        let mut unsaved = Vec::new();
        for (asker, usage) in &usages {
            let mut asked_of_late = false;
            for endpoint in Endpoint::ALL.iter().copied() {
                let counted = usage.counted(endpoint);
                asked_of_late |= counted.used.in_day(today) + counted.used.in_day(today - 1) > 0;
                if let Asker::Key(key) = asker
                    && counted.unsaved > 0
                {
                    let count =
                        Count { key: key.clone(), endpoint, day: counted.unsaved_day, more: counted.unsaved };
                    unsaved.push((Arc::clone(usage), count));
                }
            }
            if !asked_of_late {
                lock(&self.0).remove(asker);
            }
        }
        for some in unsaved.chunks(SAVED_AT_ONCE) {
            let counts: Vec<Count> = some.iter().map(|(_, count)| count.clone()).collect();
            let sums = store.write(move |tx| add(tx, &counts)).await?;
            for ((usage, count), sum) in some.iter().zip(sums) {
                usage.counted(count.endpoint).saved(count, sum);
            }
        }
        Ok(())
    }
}

/// What the store is to be told.
#[derive(Clone)]
struct Count {
    key: KeyId,
    endpoint: Endpoint,
    day: i64,
    more: u32,
}

fn add(tx: &Tx<'_>, counts: &[Count]) -> Result<Vec<u32>, Error> {
    counts
        .iter()
        .map(|count| rate_limit::add(tx, &count.key, count.endpoint, count.day, count.more))
        .collect()
}

impl Usage {
    /// Counts a request, or says that it is one too many.
    pub(crate) fn take(&self, endpoint: Endpoint, now_s: i64, limits: Limits) -> Result<Standing, Standing> {
        let mut counted = self.counted(endpoint);
        let standing = counted.used.take(now_s, limits)?;
        if limits.per_day.is_some() {
            counted.count(day_of(now_s));
        }
        Ok(standing)
    }

    fn counted(&self, endpoint: Endpoint) -> MutexGuard<'_, Counted> {
        // The array has a place for each variant, in their order.
        lock(&self.0[endpoint as usize])
    }
}

impl Counted {
    /// What is left of the day before when a new one begins is at most what one save would have stored.
    fn count(&mut self, day: i64) {
        if self.unsaved_day != day {
            (self.unsaved_day, self.unsaved) = (day, 0);
        }
        self.unsaved = self.unsaved.saturating_add(1);
    }

    fn saved(&mut self, count: &Count, sum: u32) {
        if self.unsaved_day == count.day {
            self.unsaved = self.unsaved.saturating_sub(count.more);
            self.used.raise_day(count.day, sum.saturating_add(self.unsaved));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use applyd_store::Clock;
    use applyd_store::account::{self, Channel};
    use applyd_store::api_key;

    use super::*;

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

    #[test]
    fn a_new_day_is_not_charged_with_the_last_one() {
        let mut counted = Counted::default();
        counted.count(7);
        let count = Count { key: KeyId::new(1, 1), endpoint: Endpoint::Apply, day: 7, more: 1 };
        counted.count(8);
        counted.saved(&count, 60);
        assert_eq!((counted.unsaved, counted.unsaved_day), (1, 8));
    }

    #[tokio::test]
    async fn a_days_count_outlives_the_process_and_is_shared() {
        let place = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(&place.path().join("a.db"), Clock::System).unwrap();
        let (account, key) = (applyd_core::ids::AccountId::new(1, 1), KeyId::new(1, 1));
        let id = key.clone();
        store
            .write(move |tx| {
                account::create(tx, &account, "a", Channel::Sandbox)?;
                api_key::replace(tx, &account, "default", &id, &[1; 32], 0)
            })
            .await
            .unwrap();
        let limits = Limits { per_minute: 9, per_day: Some(5) };
        let now_s = store.now() / 1000;
        let today = day_of(now_s);
        let (here, there) = (Quota::default(), Quota::default());
        let take = |quota: &Quota| {
            quota.of(Asker::Key(key.clone()), today, &[]).take(Endpoint::Apply, now_s, limits)
        };
        for _ in 0..2 {
            take(&here).unwrap();
            take(&there).unwrap();
        }
        here.save(&store).await.unwrap();
        there.save(&store).await.unwrap();
        assert_eq!(take(&there).map(|standing| standing.remaining), Ok(0), "it has learnt of the others");
        there.save(&store).await.unwrap();
        let id = key.clone();
        let stored = store.read(move |tx| rate_limit::used(tx, &id, today)).await.unwrap();
        assert_eq!(stored, [(Endpoint::Apply, 5)]);
        let later = Quota::default().of(Asker::Key(key), today, &stored);
        assert!(later.take(Endpoint::Apply, now_s, limits).is_err());
    }
}
