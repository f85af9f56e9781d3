//! Heartbeats, from a thread of their own: a blocked runtime must not look like a living worker for long,
//! nor a busy one like a dead worker.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use applyd_core::state::{By, Event};
use applyd_core::time::Timing;
use applyd_store::queue::{self, Beside};
use applyd_store::{Error, Store};

use super::Leases;

/// The thread; it ends when this is dropped.
pub(crate) struct Heartbeat {
    stopped: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Heartbeat {
    pub(crate) fn start(store: Store, leases: Arc<Leases>, timing: Timing) -> std::io::Result<Self> {
        let stopped = Arc::new((Mutex::new(false), Condvar::new()));
        let seen = Arc::clone(&stopped);
        let thread = std::thread::Builder::new().name("heartbeat".into()).spawn(move || {
            while !wait(&seen, Duration::from_millis(timing.heartbeat_ms.unsigned_abs())) {
                beat(&store, &leases, &timing);
            }
        })?;
        Ok(Self { stopped, thread: Some(thread) })
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        *self.stopped.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stopped.1.notify_all();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has ended too.
            let _ = thread.join();
        }
    }
}

/// Whether it was stopped meanwhile.
fn wait((stopped, bell): &(Mutex<bool>, Condvar), time: Duration) -> bool {
    let stopped = stopped.lock().unwrap_or_else(PoisonError::into_inner);
    *bell.wait_timeout_while(stopped, time, |stopped| !*stopped).unwrap_or_else(PoisonError::into_inner).0
}

fn beat(store: &Store, leases: &Leases, timing: &Timing) {
    let held = leases.list();
    if held.is_empty() {
        return;
    }
    let (sent, timing, asked) = (Instant::now(), *timing, held.clone());
    let renewed = store.write_blocking(move |tx| {
        asked
            .iter()
            .map(|(id, epoch)| {
                match queue::advance(tx, id, Event::Heartbeat, By::Worker(*epoch), &timing, Beside::default())
                {
                    Ok(moved) => Ok(Some(moved.is_ok())),
                    // One row that cannot be read must not cost the others their leases.
                    Err(Error::Damaged(_)) => Ok(None),
                    Err(error) => Err(error),
                }
            })
            .collect::<Result<Vec<Option<bool>>, Error>>()
    });
    match renewed {
        Ok(renewed) => {
            for ((id, epoch), renewed) in held.iter().zip(renewed) {
                match renewed {
                    Some(true) => leases.renewed(id, *epoch, sent),
                    Some(false) => leases.revoke(id, *epoch),
                    None => tracing::warn!(application = %id, "a damaged row has no heartbeat"),
                }
            }
        }
        // Nothing is renewed then, and the work ends by itself before the leases do.
        Err(error) => tracing::warn!(%error, "heartbeats were not acknowledged"),
    }
}
