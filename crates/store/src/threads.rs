//! The threads of a store and the bounded queues before them; what the threads do is the engine's.

use std::sync::Mutex;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use crate::Error;
use crate::job::Taken;

const QUEUE_JOBS: usize = 4096;

/// One writer, some readers.
pub(crate) struct Threads {
    writes: Option<Sender<Taken>>,
    reads: Option<Sender<Taken>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Threads {
    /// Starts them; each works until its queue is closed and empty.
    pub(crate) fn start<W, R>(writer: W, readers: impl IntoIterator<Item = R>) -> Result<Self, Error>
    where
        W: FnOnce(&Receiver<Taken>) + Send + 'static,
        R: FnOnce(&Receiver<Taken>) + Send + 'static,
    {
        let (writes, write_queue) = bounded(QUEUE_JOBS);
        let (reads, read_queue) = bounded(QUEUE_JOBS);
        let mut threads = vec![spawn("store-writer", move || writer(&write_queue))?];
        for reader in readers {
            let queue = read_queue.clone();
            threads.push(spawn("store-reader", move || reader(&queue))?);
        }
        Ok(Self { writes: Some(writes), reads: Some(reads), threads: Mutex::new(threads) })
    }

    pub(crate) fn write(&self, job: Taken) -> Result<(), Error> {
        enqueue(self.writes.as_ref(), job)
    }

    pub(crate) fn read(&self, job: Taken) -> Result<(), Error> {
        enqueue(self.reads.as_ref(), job)
    }
}

impl Drop for Threads {
    /// What was taken in is finished first: an accepted write is never dropped by an orderly end.
    fn drop(&mut self) {
        self.writes = None;
        self.reads = None;
        let threads = self.threads.get_mut().map(std::mem::take).unwrap_or_default();
        let here = std::thread::current().id();
        for thread in threads.into_iter().filter(|thread| thread.thread().id() != here) {
            // A thread that panicked has nothing left to finish.
            let _ = thread.join();
        }
    }
}

pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Error> {
    std::thread::Builder::new()
        .name(name.into())
        .spawn(work)
        .map_err(|error| Error::Engine(format!("cannot start the thread {name}: {error}")))
}

fn enqueue(queue: Option<&Sender<Taken>>, job: Taken) -> Result<(), Error> {
    let queue = queue.ok_or(Error::Stopped)?;
    queue.try_send(job).map_err(|error| match error {
        TrySendError::Full(_) => Error::Busy,
        TrySendError::Disconnected(_) => Error::Stopped,
    })
}
