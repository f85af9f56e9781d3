//! Jobs that wait for a transaction, and how many of them share one: many while nobody else wants the same rows, few
//! while somebody does.

use std::time::Duration;

use crossbeam_channel::Receiver;

use crate::Error;
use crate::job::Taken;

/// So long a job waits for a database that cannot be reached, before it is told so.
const PATIENCE: Duration = Duration::from_secs(10);
const MOST_CONFLICTS: u32 = 20;
const BACKOFF_STEP_MS: u64 = 5;
const MOST_BACKOFF_MS: u64 = 100;

/// The oldest first; the first ones are the next group.
pub(super) struct Waiting {
    jobs: Vec<Taken>,
    /// So many wait here at most.
    most: usize,
    /// As many as may be in a group: one more after each commit, half as many after each conflict.
    size: usize,
    /// In a row, all of them with the oldest job in the group.
    conflicts: u32,
}

impl Waiting {
    pub(super) fn new(most: usize) -> Self {
        Self { jobs: Vec::with_capacity(most), most, size: most, conflicts: 0 }
    }

    /// Groups form by themselves: whatever came while the last one was being committed waits for the next. `false`:
    /// nothing will come any more.
    pub(super) fn fill(&mut self, queue: &Receiver<Taken>) -> bool {
        if self.jobs.is_empty() {
            let Ok(first) = queue.recv() else { return false };
            self.jobs.push(first);
        }
        let room = self.most - self.jobs.len();
        self.jobs.extend(queue.try_iter().take(room));
        true
    }

    pub(super) fn group(&mut self) -> &mut [Taken] {
        let size = self.size.min(self.jobs.len());
        &mut self.jobs[..size]
    }

    /// Whether the group was undone for another's sake just before.
    pub(super) fn is_repeated(&self) -> bool {
        self.conflicts > 0
    }

    /// The group is done: each job of it is answered, with its own failure if it has one.
    pub(super) fn committed(&mut self, kept: Vec<Result<(), Error>>) {
        self.size = (self.size + 1).min(self.most);
        self.conflicts = 0;
        self.jobs.drain(..kept.len()).zip(kept).for_each(|(job, kept)| job.finish(kept));
    }

    /// The group is done for good.
    pub(super) fn refused(&mut self, error: &Error) {
        let size = self.group().len();
        self.conflicts = 0;
        self.jobs.drain(..size).for_each(|job| job.finish(Err(error.clone())));
    }

    /// The group was undone for another's sake; answers how long it is to wait. Those that meet have a first try in
    /// common only: each waits for a time of its own.
    pub(super) fn met(&mut self, error: &Error) -> Duration {
        self.size = (self.group().len() / 2).max(1);
        self.conflicts += 1;
        if self.conflicts == MOST_CONFLICTS {
            self.refused(error);
            return Duration::ZERO;
        }
        let most = (BACKOFF_STEP_MS << self.conflicts.min(MOST_CONFLICTS)).min(MOST_BACKOFF_MS);
        Duration::from_millis(fastrand::u64(0..most))
    }

    /// The database cannot be reached: those who have waited long enough are told, the others wait on. Whether there
    /// are any.
    pub(super) fn lost(&mut self, error: &Error) -> bool {
        let (waiting, tired): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.jobs).into_iter().partition(|job| job.since.elapsed() < PATIENCE);
        self.jobs = waiting;
        tired.into_iter().for_each(|job| job.finish(Err(error.clone())));
        !self.jobs.is_empty()
    }
}
