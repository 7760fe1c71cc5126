use std::time::Instant;

use super::{Clock, Origin};

/// A clock that counts nanoseconds since it was made, as state machines want them.
#[derive(Debug, Clone)]
pub(crate) struct Ticks<C> {
    origin: Origin,
    clock: C,
}

impl<C: Clock> Ticks<C> {
    pub(crate) fn new(clock: C) -> Self {
        Self { origin: clock.origin(), clock }
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    #[inline]
    pub(crate) fn nanos(&self) -> u64 {
        self.clock.nanos_since(&self.origin)
    }
}
