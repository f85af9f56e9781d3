//! What this process holds: leases by id, and with each the permit for its one send.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use applyd_core::ids::QueueId;
use applyd_core::state::{Dead, Progress};
use tokio::sync::watch;

/// All leases of this incarnation.
///
/// An application that is listed here may still write to its connection; one that is not cannot any more:
/// its task, and the socket in it, are gone. That is the proof which closes a permit within one process.
/// Every earlier incarnation of the node is proven dead by the serve lock, which only one living process can hold.
pub struct Leases {
    node: String,
    incarnation: String,
    /// Work is dropped this long after the last acknowledged heartbeat was sent.
    keep: Duration,
    held: Mutex<HashMap<QueueId, Arc<Held>>>,
    stopping: AtomicBool,
}

struct Held {
    epoch: i64,
    until: watch::Sender<Until>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    Then(Instant),
    Revoked,
    Stopping,
}

/// One lease; dropping it says that nothing of it can follow.
pub(crate) struct Lease {
    leases: Arc<Leases>,
    id: QueueId,
    held: Arc<Held>,
}

/// Why work under a lease was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It is somebody else's, or may be.
    Lease,
    /// The server stops.
    Stopping,
}

impl Leases {
    /// No leases, under a name that begins as the node's and that no other start ever had.
    #[must_use]
    pub fn new(node: &str, lease: Duration) -> Self {
        Self {
            node: node.to_owned(),
            incarnation: format!("{node}{:032x}", fastrand::u128(..)),
            keep: lease * 2 / 3,
            held: Mutex::default(),
            stopping: AtomicBool::new(false),
        }
    }

    /// This start's name.
    pub(crate) fn incarnation(&self) -> &str {
        &self.incarnation
    }

    /// Registers a lease whose claim was sent at `since`.
    pub(crate) fn take(self: &Arc<Self>, id: &QueueId, epoch: i64, since: Instant) -> Lease {
        let mut all = self.all();
        // A claim that was under way when the stop came is handed back as well.
        let stopping = self.stopping.load(Ordering::SeqCst);
        let until = if stopping { Until::Stopping } else { Until::Then(since + self.keep) };
        let held = Arc::new(Held { epoch, until: watch::Sender::new(until) });
        all.insert(id.clone(), Arc::clone(&held));
        drop(all);
        Lease { leases: Arc::clone(self), id: id.clone(), held }
    }

    /// Whether whoever is responsible for an application is proven dead.
    pub(crate) fn dead(&self, id: &QueueId, progress: &Progress) -> Dead {
        match progress.responsible() {
            Some(worker) if worker == self.incarnation && self.all().contains_key(id) => Dead::No,
            Some(worker) if worker.starts_with(&self.node) => Dead::Proven,
            _ => Dead::No,
        }
    }

    /// Id and epoch of all leases.
    pub(crate) fn list(&self) -> Vec<(QueueId, i64)> {
        self.all().iter().map(|(id, held)| (id.clone(), held.epoch)).collect()
    }

    /// A heartbeat that was sent at `since` was acknowledged.
    pub(crate) fn renewed(&self, id: &QueueId, epoch: i64, since: Instant) {
        self.tell(id, epoch, Until::Then(since + self.keep));
    }

    /// The sweeper moved an application on: whoever still works on it here has lost it.
    pub(crate) fn taken_away(&self, id: &QueueId, now: &Progress) {
        let held = self.all().get(id).map(|held| held.epoch);
        // A later lease than what moved is none of its business: it was taken after that commit.
        let lost = |epoch: &i64| *epoch < now.epoch || (*epoch == now.epoch && now.worker.is_none());
        if let Some(epoch) = held.filter(lost) {
            self.revoke(id, epoch);
        }
    }

    /// The lease is lost.
    pub(crate) fn revoke(&self, id: &QueueId, epoch: i64) {
        self.tell(id, epoch, Until::Revoked);
    }

    /// Whatever can be handed back shall be.
    pub(crate) fn stop(&self) {
        let all = self.all();
        self.stopping.store(true, Ordering::SeqCst);
        for held in all.values() {
            held.until.send_replace(Until::Stopping);
        }
    }

    fn tell(&self, id: &QueueId, epoch: i64, until: Until) {
        if let Some(held) = self.all().get(id).filter(|held| held.epoch == epoch) {
            held.until.send_if_modified(|now| {
                let open = matches!(now, Until::Then(_));
                if open {
                    *now = until;
                }
                open
            });
        }
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<QueueId, Arc<Held>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    pub(crate) fn id(&self) -> &QueueId {
        &self.id
    }

    pub(crate) fn epoch(&self) -> i64 {
        self.held.epoch
    }

    /// Does work that may be dropped at any moment, for as long as the lease is surely ours.
    pub(crate) async fn guard<T>(&self, work: impl Future<Output = T>) -> Result<T, Lost> {
        tokio::select! {
            biased;
            lost = self.lost() => Err(lost),
            done = work => Ok(done),
        }
    }

    async fn lost(&self) -> Lost {
        let mut until = self.held.until.subscribe();
        loop {
            let now = *until.borrow_and_update();
            match now {
                Until::Revoked => return Lost::Lease,
                Until::Stopping => return Lost::Stopping,
                Until::Then(end) => {
                    if Instant::now() >= end {
                        return Lost::Lease;
                    }
                    tokio::select! {
                        () = tokio::time::sleep_until(end.into()) => {}
                        // The sender lives in `self`.
                        _ = until.changed() => {}
                    }
                }
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut all = self.leases.all();
        // A later lease of the same application is another one.
        if all.get(&self.id).is_some_and(|held| Arc::ptr_eq(held, &self.held)) {
            all.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use applyd_core::approval::Policy;
    use applyd_core::state::Progress;
    use applyd_core::time::Timing;

    use super::*;

    #[test]
    fn only_starts_of_its_own_node_are_proven_dead() {
        let leases = Arc::new(Leases::new("w_a_", Duration::from_secs(60)));
        let id = QueueId::new(1, 1);
        let of = |worker: &str| Progress {
            worker: Some(worker.into()),
            state: applyd_core::state::State::Leased,
            ..Progress::accepted(0, Policy::None, &Timing::DEFAULT)
        };
        let held = leases.take(&id, 1, Instant::now());
        assert_eq!(leases.dead(&id, &of(leases.incarnation())), Dead::No, "it works on it");
        drop(held);
        assert_eq!(leases.dead(&id, &of(leases.incarnation())), Dead::Proven, "its task has ended");
        assert_eq!(leases.dead(&id, &of("w_a_0")), Dead::Proven, "an earlier start of this node");
        assert_eq!(leases.dead(&id, &of("w_b_0")), Dead::No, "another node may live");
    }

    #[tokio::test]
    async fn what_moved_takes_away_its_own_lease_and_no_later_one() {
        let leases = Arc::new(Leases::new("run", Duration::from_secs(60)));
        let id = QueueId::new(1, 1);
        let moved = |epoch, is_held: bool| Progress {
            epoch,
            worker: is_held.then(|| leases.incarnation().into()),
            ..Progress::accepted(0, Policy::None, &Timing::DEFAULT)
        };
        for (name, moved, is_lost) in [
            ("by a later owner", moved(3, true), true),
            ("by an end", moved(3, false), true),
            ("by a hand-back", moved(2, false), true),
            ("by nobody", moved(2, true), false),
            ("before it was taken", moved(1, false), false),
        ] {
            let lease = leases.take(&id, 2, Instant::now());
            leases.taken_away(&id, &moved);
            assert_eq!(lease.guard(async {}).await.is_err(), is_lost, "{name}");
        }
    }
}
