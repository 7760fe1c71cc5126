use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use super::CircuitState;

/// What the path of a call needs to know about the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// Every call is admitted; a success changes nothing while clean.
    Closed { epoch: u64, clean: bool },
    /// The machine decides, under its lock.
    HalfOpen,
    /// Every call is refused until then.
    Open { until: Instant },
    /// Every call is refused.
    ForcedOpen,
}

impl View {
    pub(super) fn state(self) -> CircuitState {
        match self {
            Self::Closed { .. } => CircuitState::Closed,
            Self::HalfOpen => CircuitState::HalfOpen,
            Self::Open { .. } | Self::ForcedOpen => CircuitState::Open,
        }
    }
}

/// A [`View`] in one atomic word, so that a call learns it by one load.
///
/// Only the holder of the machine's lock stores it. Relaxed is enough: the word is all that a reader of it
/// uses, and whoever holds an epoch reads nothing older than it (coherence of one location). On a cache line
/// of its own, so that counting references to the breaker does not slow its readers.
#[repr(align(128))]
pub(super) struct Word {
    bits: AtomicU64,
    began: Instant,
}

const TAG_BITS: u32 = 3;
const CLEAN: u64 = 0;
const COUNTING: u64 = 1;
const HALF_OPEN: u64 = 2;
const OPEN: u64 = 3;
const FORCED_OPEN: u64 = 4;

impl Word {
    pub(super) fn new(view: View, began: Instant) -> Self {
        let word = Self { bits: AtomicU64::new(0), began };
        word.store(view);
        word
    }

    pub(super) fn store(&self, view: View) {
        let (payload, tag) = match view {
            View::Closed { epoch, clean } => (epoch, if clean { CLEAN } else { COUNTING }),
            View::HalfOpen => (0, HALF_OPEN),
            // 61 bits of nanoseconds last 73 years from the breaker's creation.
            View::Open { until } => {
                (u64::try_from(until.saturating_duration_since(self.began).as_nanos()).unwrap_or(u64::MAX), OPEN)
            }
            View::ForcedOpen => (0, FORCED_OPEN),
        };
        self.bits.store(payload.min(u64::MAX >> TAG_BITS) << TAG_BITS | tag, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn load(&self) -> View {
        let bits = self.bits.load(Ordering::Relaxed);
        let payload = bits >> TAG_BITS;
        match bits & ((1 << TAG_BITS) - 1) {
            CLEAN => View::Closed { epoch: payload, clean: true },
            COUNTING => View::Closed { epoch: payload, clean: false },
            HALF_OPEN => View::HalfOpen,
            OPEN => View::Open { until: self.began + Duration::from_nanos(payload) },
            _ => View::ForcedOpen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, SystemClock};

    #[test]
    fn every_view_comes_back_as_it_was_stored() {
        let began = SystemClock.now();
        let year = Duration::from_secs(365 * 24 * 3600);
        let views = [
            View::Closed { epoch: 0, clean: true },
            View::Closed { epoch: u64::MAX >> TAG_BITS, clean: false },
            View::HalfOpen,
            View::Open { until: began },
            View::Open { until: began + 60 * year + Duration::from_nanos(1) },
            View::ForcedOpen,
        ];
        let word = Word::new(View::ForcedOpen, began);
        for view in views {
            word.store(view);
            assert_eq!(word.load(), view);
        }
    }
}
