//! How many event streams each key, and each person, has open.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Of one key.
pub(crate) const MOST_STREAMS: usize = 5;

/// The open streams of all of them.
pub(crate) struct Streams<K>(Mutex<HashMap<K, usize>>);

/// One of them; dropping it makes room for another.
pub(crate) struct Place<K: Eq + Hash> {
    streams: Arc<Streams<K>>,
    key: K,
}

impl<K> Default for Streams<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Clone> Streams<K> {
    /// A place, if the key has one of so many left.
    pub(crate) fn take(self: &Arc<Self>, key: &K, most: usize) -> Option<Place<K>> {
        let mut open = self.lock();
        let count = open.entry(key.clone()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place { streams: Arc::clone(self), key: key.clone() })
    }
}

impl<K> Streams<K> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Place<K> {
    /// Whose stream it is.
    pub(crate) fn key(&self) -> &K {
        &self.key
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
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
