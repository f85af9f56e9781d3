//! How many event streams each key has open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use applyd_core::ids::KeyId;

/// Of one key.
pub(crate) const MOST_STREAMS: usize = 5;

/// The open streams of all keys.
#[derive(Default)]
pub(crate) struct Streams(Mutex<HashMap<KeyId, usize>>);

/// One of them; dropping it makes room for another.
pub(crate) struct Place {
    streams: Arc<Streams>,
    key: KeyId,
}

impl Streams {
    /// A place, if the key has one left.
    pub(crate) fn take(self: &Arc<Self>, key: &KeyId) -> Option<Place> {
        let mut open = self.lock();
        let count = open.entry(key.clone()).or_default();
        if *count >= MOST_STREAMS {
            return None;
        }
        *count += 1;
        Some(Place { streams: Arc::clone(self), key: key.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<KeyId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Whose stream it is.
    pub(crate) fn key(&self) -> &KeyId {
        &self.key
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.lock();
        if let Some(count) = open.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.key);
            }
        }
    }
}
