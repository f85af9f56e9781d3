//! The sweeper: every node, no leader, row by row, so that one bad row stops nobody else.

use std::sync::Arc;
use std::time::Duration;

use applyd_core::ids::QueueId;
use applyd_store::{Error, event, idempotency, queue, rate_limit, retention, session, sign_in, stored_job};

use super::Worker;
use crate::verify_only::prune;

const EVERY: Duration = Duration::from_secs(2);
const MOST_AT_ONCE: i64 = 500;
const PURGE_EVERY: Duration = Duration::from_secs(600);
/// The witness is read wholly for it. The months to come are seen to as often.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

/// Brings about what time has decided, for ever.
pub(crate) async fn sweep(worker: Arc<Worker>) {
    let every = EVERY.min(Duration::from_millis(worker.timing.lease_ms.unsigned_abs() / 4));
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut purges = tokio::time::interval(PURGE_EVERY);
    let mut prunes = tokio::time::interval(PRUNE_EVERY);
    loop {
        let swept = tokio::select! {
            _ = ticks.tick() => sweep_once(&worker).await,
            _ = purges.tick() => purge(&worker).await,
            _ = prunes.tick() => {
                if let Err(error) = prune(&worker.store, &worker.witness).await {
                    tracing::warn!(%error, "the witness keeps what is long over");
                }
                prepare_months(&worker).await
            }
        };
        if let Err(error) = swept {
            tracing::warn!(%error, "the sweeper could not use the store");
        }
    }
}

async fn prepare_months(worker: &Worker) -> Result<(), Error> {
    let store = worker.store.clone();
    let prepared = tokio::task::spawn_blocking(move || store.prepare_months()).await;
    prepared.unwrap_or(Err(Error::Panicked))
}

/// In bites, so that the writer is never busy with it for long.
async fn purge(worker: &Worker) -> Result<(), Error> {
    while worker.store.write(idempotency::purge).await? == idempotency::PURGED_AT_ONCE as usize {}
    while worker.store.write(stored_job::purge).await? == stored_job::PURGED_AT_ONCE as usize {}
    let kept = worker.retention;
    while worker.store.write(move |tx| retention::purge(tx, kept.words_ms)).await?
        == retention::PURGED_AT_ONCE as usize
    {}
    while worker.store.write(move |tx| event::purge(tx, kept.events_ms)).await?
        == event::PURGED_AT_ONCE as usize
    {}
    while worker.store.write(rate_limit::purge).await? > 0 {}
    while worker.store.write(session::purge).await? > 0 {}
    while worker.store.write(sign_in::purge).await? > 0 {}
    Ok(())
}

async fn sweep_once(worker: &Worker) -> Result<(), Error> {
    let overdue = worker.store.read(|tx| {
        let mut overdue = queue::overdue(tx, MOST_AT_ONCE)?;
        overdue.extend(queue::kept_back(tx, MOST_AT_ONCE)?);
        Ok::<_, Error>(overdue)
    });
    let overdue = overdue.await?;
    catch_up_all(worker, overdue).await;
    Ok(())
}

/// At the start: what dead incarnations left behind need not wait for its lease to end.
pub(crate) async fn recover_others(worker: &Worker) -> Result<(), Error> {
    let incarnation = worker.leases.incarnation().to_owned();
    let left = worker.store.read(move |tx| queue::of_others(tx, &incarnation)).await?;
    catch_up_all(worker, left).await;
    Ok(())
}

async fn catch_up_all(worker: &Worker, ids: Vec<QueueId>) {
    for id in ids {
        if let Err(error) = catch_up(worker, &id).await {
            tracing::warn!(application = %id, %error, "could not be caught up with");
        }
    }
}

async fn catch_up(worker: &Worker, id: &QueueId) -> Result<(), Error> {
    let (timing, leases, wanted) = (worker.timing, Arc::clone(&worker.leases), id.clone());
    let changed = worker
        .store
        .write(move |tx| queue::catch_up(tx, &wanted, &timing, |progress| leases.dead(&wanted, progress)))
        .await?;
    if let Some(application) = changed {
        worker.leases.taken_away(id, &application.progress);
        worker.publish(&application);
    }
    Ok(())
}
