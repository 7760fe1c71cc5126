use std::{collections::HashMap, fmt, pin::Pin, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::{Notify, futures::OwnedNotified},
    time::timeout,
};

use crate::layers::idempotency::IdempotencyKey;

/// When to look again in any case, since another process may have changed the record.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Whom to tell of a change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wake {
    Nobody,
    /// One takes over; it wakes the next if it goes away instead.
    One,
    All,
}

/// Who waits in this process for the change of a record.
#[derive(Clone, Default)]
pub(super) struct Changes(Arc<Mutex<HashMap<IdempotencyKey, Waiting>>>);

/// Those who wait for one record, counted under the lock: what they share outlives a place that is being given up.
#[derive(Default)]
struct Waiting {
    change: Arc<Notify>,
    count: usize,
}

/// A place among those who wait, given up on drop.
pub(super) struct Change<'a> {
    changes: &'a Changes,
    key: &'a IdempotencyKey,
    /// Counts from its making, so that a change before its first poll is not missed.
    changed: Pin<Box<OwnedNotified>>,
}

impl Changes {
    pub(super) fn wait<'a>(&'a self, key: &'a IdempotencyKey) -> Change<'a> {
        let mut all = self.0.lock();
        let waiting = all.entry(key.clone()).or_default();
        waiting.count += 1;
        let changed = Box::pin(Arc::clone(&waiting.change).notified_owned());
        Change { changes: self, key, changed }
    }

    pub(super) fn wake(&self, key: &IdempotencyKey, wake: Wake) {
        // Woken outside the lock: a waker may run who waits at once.
        let change = self.0.lock().get(key).map(|waiting| Arc::clone(&waiting.change));
        match (change, wake) {
            (Some(change), Wake::One) => change.notify_one(),
            (Some(change), Wake::All) => change.notify_waiters(),
            _ => {}
        }
    }
}

impl Change<'_> {
    /// Ends with the next change.
    pub(super) async fn seen(mut self) {
        // Too late is the same as changed: the caller looks again.
        let _ = timeout(LOOK_AGAIN, &mut self.changed).await;
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        let mut all = self.changes.0.lock();
        let Some(waiting) = all.get_mut(self.key) else { return };
        waiting.count -= 1;
        if waiting.count == 0 {
            all.remove(self.key);
        }
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").field("waited_for", &self.0.lock().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_to_go_leaves_nothing_behind_although_others_are_still_going() {
        let (changes, key) = (Changes::default(), IdempotencyKey::new("demo", "order.intake", "1").expect("a key"));
        let (one, other) = (changes.wait(&key), changes.wait(&key));
        drop(one);
        assert_eq!(changes.0.lock().len(), 1);
        // As one does that has given its place up and not yet what it shares.
        let going = Arc::clone(&changes.0.lock()[&key].change);
        drop(other);
        assert_eq!(changes.0.lock().len(), 0);
        drop(going);
    }
}
