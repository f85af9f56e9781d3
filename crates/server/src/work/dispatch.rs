//! Hands accounts to workers: woken by hints, and by the clock where a hint was lost.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use applyd_core::ids::AccountId;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::Worker;
use super::look::look_once;
use super::step::step;
use applyd_store::pause::Pause;
use applyd_store::{Error, pause, queue};

const POLL_READY: Duration = Duration::from_secs(1);
const POLL_LOOKS: Duration = Duration::from_millis(100);
const MOST_LOOKS: usize = 64;
const MOST_READY: i64 = 1000;
const STOP_WAIT: Duration = Duration::from_secs(25);

/// Accounts that have a task, and whether they were woken again meanwhile.
type Running = Arc<Mutex<HashMap<AccountId, bool>>>;

/// An account's one task; a task that panics gives its place back too.
struct Turn {
    running: Running,
    account: AccountId,
    left: bool,
}

/// Works until `stop`, then waits for what is held to be finished or handed back.
pub(crate) async fn dispatch(worker: Arc<Worker>, stop: impl Future<Output = ()>) {
    let running = Running::default();
    let places = Arc::new(Semaphore::new(worker.workers));
    let looking = Arc::new(Semaphore::new(MOST_LOOKS));
    let mut tasks = JoinSet::new();
    let (mut ready, mut looks) = (tokio::time::interval(POLL_READY), tokio::time::interval(POLL_LOOKS));
    // Where looks are slow, as under a snapshot that is held for long, they must not follow each other without a gap:
    // whoever was woken waits for them.
    ready.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut hints = worker.store.hints();
    let (mut pauses, mut after) = (Vec::new(), None);
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            () = worker.wakes.rung() => {}
            () = hints.next() => ready.reset_immediately(),
            _ = ready.tick() => wake_ready(&worker, &mut after, &mut pauses).await,
            _ = looks.tick() => start_looks(&worker, &looking, &mut tasks).await,
        }
        for account in worker.wakes.take() {
            if let Some(turn) = Turn::enter(&running, account) {
                tasks.spawn(run(Arc::clone(&worker), Arc::clone(&places), turn));
            }
        }
        while tasks.try_join_next().is_some() {}
    }
    places.close();
    worker.leases.stop();
    let finished = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_WAIT, finished).await.is_err() {
        tracing::warn!("an intent is still without its answer; it stays for verification");
        // Their sockets are closed before the lock that speaks for them is free.
        tasks.shutdown().await;
    }
}

/// Whoever pauses or resumes is another process, so that this one sees it here. Each look goes on after the last one,
/// and the last of them begins anew: of more accounts than one look takes, all have their turn.
async fn wake_ready(worker: &Worker, after: &mut Option<AccountId>, pauses: &mut Vec<Pause>) {
    let from = after.clone();
    let read = worker
        .store
        .read(move |tx| Ok::<_, Error>((queue::ready(tx, from.as_ref(), MOST_READY)?, pause::list(tx)?)));
    match read.await {
        Ok((accounts, now)) => {
            let is_full = accounts.len() as i64 == MOST_READY;
            *after = accounts.last().filter(|_| is_full).cloned();
            tell_pauses(pauses, &now);
            *pauses = now;
            accounts.iter().for_each(|account| worker.wakes.wake(account));
        }
        Err(error) => tracing::warn!(%error, "the queue could not be read"),
    }
}

fn tell_pauses(before: &[Pause], now: &[Pause]) {
    for pause in now.iter().filter(|pause| !before.contains(pause)) {
        tracing::warn!(scope = %pause.scope, by = pause.set_by, reason = pause.reason, "paused: nothing of it is submitted");
    }
    for pause in before.iter().filter(|pause| !now.iter().any(|now| now.scope == pause.scope)) {
        tracing::info!(scope = %pause.scope, "resumed");
    }
}

/// Looks have places of their own, so that neither they nor new applications starve the other. None waits for a
/// place: what is due stays due.
async fn start_looks(worker: &Arc<Worker>, looking: &Arc<Semaphore>, tasks: &mut JoinSet<()>) {
    let most = looking.available_permits();
    if most == 0 || worker.workers == 0 {
        return;
    }
    let due = match worker.store.read(move |tx| queue::to_look_at(tx, most as i64)).await {
        Ok(due) => due,
        Err(error) => return tracing::warn!(%error, "the queue could not be read"),
    };
    for id in due {
        let Ok(place) = Arc::clone(looking).try_acquire_owned() else { break };
        let worker = Arc::clone(worker);
        tasks.spawn(async move {
            let _place = place;
            if let Err(error) = look_once(&worker, &id).await {
                tracing::warn!(application = %id, %error, "could not be looked at");
            }
        });
    }
}

impl Turn {
    /// `None` while the account has a task; that one is told to look once more.
    fn enter(running: &Running, account: AccountId) -> Option<Self> {
        match lock(running).entry(account.clone()) {
            Entry::Occupied(mut woken) => {
                woken.insert(true);
                return None;
            }
            Entry::Vacant(free) => free.insert(false),
        };
        Some(Self { running: Arc::clone(running), account, left: false })
    }

    /// Whether the task may end: nobody has woken the account since this was last asked.
    fn leave(&mut self) -> bool {
        let mut running = lock(&self.running);
        self.left = running.insert(self.account.clone(), false) != Some(true);
        if self.left {
            running.remove(&self.account);
        }
        self.left
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.left {
            lock(&self.running).remove(&self.account);
        }
    }
}

fn lock(running: &Running) -> MutexGuard<'_, HashMap<AccountId, bool>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn run(worker: Arc<Worker>, places: Arc<Semaphore>, mut turn: Turn) {
    loop {
        // Closed: the server stops, nothing more is taken.
        let Ok(place) = places.acquire().await else { break };
        let account = &turn.account;
        let worked = step(&worker, account).await.unwrap_or_else(|error| {
            tracing::warn!(%account, %error, "a step could not be done");
            false
        });
        drop(place);
        if !worked && turn.leave() {
            break;
        }
    }
}
