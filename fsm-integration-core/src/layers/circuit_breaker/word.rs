use super::CircuitState;
use crate::sync::atomic::{AtomicU64, Ordering};

/// What the path of a call needs to know about the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct View {
    pub(super) phased: Phased,
    /// Whether calls are timed.
    pub(super) timed: bool,
    /// Whether calls that would be refused are made.
    pub(super) shadow: bool,
}

/// The phase, as far as the path of a call is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phased {
    /// Every call is admitted.
    Closed { epoch: u32, pace: Pace },
    /// The machine decides, under its lock.
    HalfOpen,
    /// Every call is refused until then, in nanoseconds.
    Open { until: u64 },
    /// Every call is refused.
    ForcedOpen,
}

/// What a success has to do while closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Nothing.
    Free,
    /// Pass the machine, under its lock, as every other result does.
    Judged,
    /// Add itself to its thread's shard, unless it is slow or a bucket of time is over.
    Tallied,
}

impl View {
    pub(super) fn state(self) -> CircuitState {
        match self.phased {
            _ if self.shadow => CircuitState::Closed,
            Phased::Closed { .. } => CircuitState::Closed,
            Phased::HalfOpen => CircuitState::HalfOpen,
            Phased::Open { .. } | Phased::ForcedOpen => CircuitState::Open,
        }
    }
}

/// Epochs go round after so many.
pub(super) const EPOCHS: u32 = 1 << 27;

/// A [`View`] as one word: 3 bits for the phase and pace, 2 flags, then the epoch while closed, or 59 bits of
/// nanoseconds, 18 years, while open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bits(u64);

const TAG: u64 = 0b111;
const FREE: u64 = 0;
const JUDGED: u64 = 1;
const TALLIED: u64 = 2;
const HALF_OPEN: u64 = 3;
const OPEN: u64 = 4;
const FORCED_OPEN: u64 = 5;
const TIMED: u64 = 1 << 3;
const SHADOW: u64 = 1 << 4;
const FLAG_BITS: u32 = 5;

impl From<View> for Bits {
    fn from(View { phased, timed, shadow }: View) -> Self {
        let (payload, tag) = match phased {
            Phased::Closed { epoch, pace } => {
                let tag = match pace {
                    Pace::Free => FREE,
                    Pace::Judged => JUDGED,
                    Pace::Tallied => TALLIED,
                };
                (u64::from(epoch), tag)
            }
            Phased::HalfOpen => (0, HALF_OPEN),
            Phased::Open { until } => (until.min(u64::MAX >> FLAG_BITS), OPEN),
            Phased::ForcedOpen => (0, FORCED_OPEN),
        };
        let flags = if timed { TIMED } else { 0 } | if shadow { SHADOW } else { 0 };
        Self(payload << FLAG_BITS | flags | tag)
    }
}

impl Bits {
    #[inline]
    const fn tag(self) -> u64 {
        self.0 & TAG
    }

    #[inline]
    pub(super) const fn is_closed(self) -> bool {
        self.tag() <= TALLIED
    }

    #[inline]
    pub(super) const fn is_free(self) -> bool {
        self.tag() == FREE
    }

    #[inline]
    pub(super) const fn is_tallied(self) -> bool {
        self.tag() == TALLIED
    }

    #[inline]
    pub(super) const fn is_timed(self) -> bool {
        self.0 & TIMED != 0
    }

    const fn is_shadow(self) -> bool {
        self.0 & SHADOW != 0
    }

    /// The epoch, if closed.
    #[inline]
    pub(super) const fn epoch(self) -> u32 {
        (self.0 >> FLAG_BITS) as u32
    }

    /// Until when every call is refused, if that is so.
    #[inline]
    pub(super) const fn open_until(self) -> Option<u64> {
        if self.0 & (TAG | SHADOW) == OPEN { Some(self.0 >> FLAG_BITS) } else { None }
    }

    pub(super) const fn is_forced_open(self) -> bool {
        self.tag() == FORCED_OPEN
    }

    pub(super) fn state(self) -> CircuitState {
        match self.tag() {
            _ if self.is_shadow() => CircuitState::Closed,
            HALF_OPEN => CircuitState::HalfOpen,
            OPEN | FORCED_OPEN => CircuitState::Open,
            _ => CircuitState::Closed,
        }
    }
}

/// The word that every call looks at, and that only the holder of the machine's lock stores.
#[derive(Debug)]
pub(super) struct Word(AtomicU64);

impl Word {
    pub(super) fn new(view: View) -> Self {
        Self(AtomicU64::new(Bits::from(view).0))
    }

    /// Acquires what was stored before the word was: the shards of its epoch, the end of its bucket.
    #[inline]
    pub(super) fn load(&self) -> Bits {
        Bits(self.0.load(Ordering::Acquire))
    }

    pub(super) fn store(&self, view: View) {
        self.0.store(Bits::from(view).0, Ordering::Release);
    }
}

#[cfg(all(test, not(fsm_loom)))]
mod tests {
    use super::*;

    fn view(phased: Phased) -> View {
        View { phased, timed: false, shadow: false }
    }

    #[test]
    fn what_a_view_says_its_bits_say() {
        for pace in [Pace::Free, Pace::Judged, Pace::Tallied] {
            for epoch in [0, 1, EPOCHS - 1] {
                let bits = Bits::from(view(Phased::Closed { epoch, pace }));
                assert_eq!((bits.epoch(), bits.state(), bits.is_closed()), (epoch, CircuitState::Closed, true));
                assert_eq!(bits.is_free(), pace == Pace::Free);
                assert_eq!(bits.is_tallied(), pace == Pace::Tallied);
            }
        }
        let far = 17 * 365 * 24 * 3600 * 1_000_000_000;
        for until in [0, 1, far] {
            let bits = Bits::from(view(Phased::Open { until }));
            assert_eq!((bits.open_until(), bits.state()), (Some(until), CircuitState::Open));
        }
        assert_eq!(Bits::from(view(Phased::HalfOpen)).state(), CircuitState::HalfOpen);
        assert!(Bits::from(view(Phased::ForcedOpen)).is_forced_open());
    }

    #[test]
    fn an_opening_without_end_is_the_longest_that_a_word_holds() {
        let longest = (1 << 59) - 1;
        for until in [longest, longest + 1, u64::MAX] {
            let bits = Bits::from(view(Phased::Open { until }));
            assert_eq!((bits.open_until(), bits.is_timed()), (Some(longest), false), "{until}");
        }
    }

    #[test]
    fn flags_change_nothing_else() {
        let plain = view(Phased::Open { until: 7 });
        let timed = Bits::from(View { timed: true, ..plain });
        assert!(timed.is_timed() && !Bits::from(plain).is_timed());
        assert_eq!((timed.open_until(), timed.state()), (Some(7), CircuitState::Open));
        let shadow = Bits::from(View { shadow: true, ..plain });
        assert_eq!((shadow.open_until(), shadow.state()), (None, CircuitState::Closed), "nothing is refused");
    }
}
