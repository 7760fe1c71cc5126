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
pub(super) struct Changes(Arc<Mutex<HashMap<IdempotencyKey, Arc<Notify>>>>);

/// A place among those who wait, given up on drop.
pub(super) struct Change<'a> {
    changes: &'a Changes,
    key: &'a IdempotencyKey,
    change: Arc<Notify>,
    /// Counts from its making, so that a change before its first poll is not missed.
    changed: Pin<Box<OwnedNotified>>,
}

impl Changes {
    pub(super) fn wait<'a>(&'a self, key: &'a IdempotencyKey) -> Change<'a> {
        let change = Arc::clone(self.0.lock().entry(key.clone()).or_default());
        let changed = Box::pin(Arc::clone(&change).notified_owned());
        Change { changes: self, key, change, changed }
    }

    pub(super) fn wake(&self, key: &IdempotencyKey, wake: Wake) {
        let waiting = self.0.lock();
        match (waiting.get(key), wake) {
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
        let mut waiting = self.changes.0.lock();
        // The map's and the two of this place: nobody else waits.
        if Arc::strong_count(&self.change) <= 3 {
            waiting.remove(self.key);
        }
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").field("waited_for", &self.0.lock().len()).finish()
    }
}
