use std::sync::Arc;

use tokio::sync::Notify;

/// Repetitions that wait for a change of a record.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) change: Arc<Notify>,
    pub(super) count: usize,
}

/// Whom to tell of a change, once the lock is open.
#[must_use]
pub(super) enum Wake {
    Nobody,
    /// One takes over; it wakes the next if it goes away instead.
    One(Arc<Notify>),
    All(Arc<Notify>),
}

impl Wake {
    #[inline]
    pub(super) fn wake(self) {
        match self {
            Self::Nobody => {}
            Self::One(change) => change.notify_one(),
            Self::All(change) => change.notify_waiters(),
        }
    }
}
