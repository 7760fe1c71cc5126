use std::time::{Duration, Instant};

use crate::clock::Clock;

/// A clock that counts nanoseconds since it was made, as the arithmetic wants them.
#[derive(Debug)]
pub(super) struct Origin<C> {
    began: Instant,
    clock: C,
}

impl<C: Clock> Origin<C> {
    pub(super) fn new(clock: C) -> Self {
        Self { began: clock.now(), clock }
    }

    #[inline]
    pub(super) fn nanos(&self) -> u64 {
        nanos(self.clock.now().saturating_duration_since(self.began))
    }
}

/// A duration in nanoseconds; too long becomes the longest, 584 years.
#[inline]
pub(super) fn nanos(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(duration.subsec_nanos()))
}
