//! Bells: whoever waits for news of one thing listens to its bell, and pays nothing while it is silent.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// One bell for each key that somebody listens to.
pub(crate) struct Bells<K>(Mutex<HashMap<K, Bell>>);

struct Bell {
    listeners: usize,
    rings: watch::Sender<()>,
}

/// Hears one bell; what rang since the last [`Listener::hush`] is not lost.
pub(crate) struct Listener<K: Eq + Hash> {
    bells: Arc<Bells<K>>,
    key: K,
    rings: watch::Receiver<()>,
}

impl<K> Default for Bells<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Bells<K> {
    pub(crate) fn ring(&self, key: &K) {
        if let Some(bell) = self.lock().get(key) {
            bell.rings.send_replace(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Bell>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone> Bells<K> {
    pub(crate) fn listen(self: &Arc<Self>, key: K) -> Listener<K> {
        let mut bells = self.lock();
        let bell =
            bells.entry(key.clone()).or_insert_with(|| Bell { listeners: 0, rings: watch::Sender::new(()) });
        bell.listeners += 1;
        let rings = bell.rings.subscribe();
        drop(bells);
        Listener { bells: Arc::clone(self), key, rings }
    }
}

impl<K: Eq + Hash> Listener<K> {
    /// Forgets what rang so far; to be called before a look at what the bell tells of.
    pub(crate) fn hush(&mut self) {
        self.rings.mark_unchanged();
    }

    pub(crate) async fn rung(&mut self) {
        // The bell is there for as long as somebody listens.
        let _ = self.rings.changed().await;
    }
}

impl<K: Eq + Hash> Drop for Listener<K> {
    fn drop(&mut self) {
        let mut bells = self.bells.lock();
        if let Some(bell) = bells.get_mut(&self.key) {
            bell.listeners -= 1;
            if bell.listeners == 0 {
                bells.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_ring_before_the_wait_is_heard_and_the_last_listener_takes_the_bell_along() {
        let bells = Arc::new(Bells::default());
        let mut first = bells.listen("a");
        let second = bells.listen("a");
        bells.ring(&"a");
        bells.ring(&"b");
        first.rung().await;
        bells.ring(&"a");
        first.hush();
        assert!(!first.rings.has_changed().is_ok_and(|rang| rang));
        drop(first);
        assert_eq!(bells.lock().len(), 1);
        drop(second);
        assert!(bells.lock().is_empty());
    }
}
