//! MCP sessions: which ids are known, and whose they are. They die with the process, as Upwork's may.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Sessions kept; the oldest is forgotten first.
const MAX_SESSIONS: usize = 10_000;

/// The sessions of one stand-in.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<Known>);

#[derive(Default)]
struct Known {
    owners: HashMap<String, String>,
    oldest_first: VecDeque<String>,
}

impl Sessions {
    fn known(&self) -> MutexGuard<'_, Known> {
        // A poisoned lock cannot hide a half-made change that matters: an id more or less is a 404.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a session of an organisation.
    pub(crate) fn begin(&self, id: &str, org_uid: &str) {
        let mut known = self.known();
        if known.oldest_first.len() >= MAX_SESSIONS
            && let Some(oldest) = known.oldest_first.pop_front()
        {
            known.owners.remove(&oldest);
        }
        known.owners.insert(id.into(), org_uid.into());
        known.oldest_first.push_back(id.into());
    }

    /// Whether the id names a session of this organisation.
    pub(crate) fn knows(&self, id: &str, org_uid: &str) -> bool {
        self.known().owners.get(id).is_some_and(|owner| owner == org_uid)
    }

    /// Forgets a session; false if it is not one of this organisation.
    pub(crate) fn end(&self, id: &str, org_uid: &str) -> bool {
        let mut known = self.known();
        let ended = known.owners.get(id).is_some_and(|owner| owner == org_uid);
        if ended {
            known.owners.remove(id);
            known.oldest_first.retain(|known| known != id);
        }
        ended
    }
}
