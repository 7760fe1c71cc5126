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
    /// Whether somebody wants to know of every refusal.
    pub(super) told: bool,
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
    /// Add itself to its thread's shard.
    Tallied,
    /// The same, unless it was slow or the bucket of time is over.
    TalliedByTime,
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

/// Epochs go round after so many, fewer than a ticket has room for.
pub(super) const EPOCHS: u32 = 1 << 27;

/// A [`View`] as one word: 3 bits for the phase and pace, 2 flags, then the epoch while closed, or 59 bits of
/// nanoseconds, 18 years, while open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bits(u64);

const TAG: u64 = 0b111;
const FREE: u64 = 0;
const JUDGED: u64 = 1;
const TALLIED: u64 = 2;
const TALLIED_BY_TIME: u64 = 3;
/// The bit of the tags that are not closed.
const NOT_CLOSED: u64 = 4;
const HALF_OPEN: u64 = 4;
const OPEN: u64 = 5;
const OPEN_TOLD: u64 = 6;
const FORCED_OPEN: u64 = 7;
const TIMED: u64 = 1 << 3;
const SHADOW: u64 = 1 << 4;
const FLAG_BITS: u32 = 5;

impl From<View> for Bits {
    fn from(View { phased, timed, shadow, told }: View) -> Self {
        let (payload, tag) = match phased {
            Phased::Closed { epoch, pace } => {
                let tag = match pace {
                    Pace::Free => FREE,
                    Pace::Judged => JUDGED,
                    Pace::Tallied if !timed => TALLIED,
                    Pace::Tallied | Pace::TalliedByTime => TALLIED_BY_TIME,
                };
                (u64::from(epoch), tag)
            }
            Phased::HalfOpen => (0, HALF_OPEN),
            Phased::Open { until } => (until.min(u64::MAX >> FLAG_BITS), if told { OPEN_TOLD } else { OPEN }),
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
        self.0 & NOT_CLOSED == 0
    }

    /// Closed, and calls are not timed.
    #[inline]
    pub(super) const fn is_plainly_closed(self) -> bool {
        self.0 & (NOT_CLOSED | TIMED) == 0
    }

    #[inline]
    pub(super) const fn is_free(self) -> bool {
        self.tag() == FREE
    }

    #[inline]
    pub(super) const fn is_tallied(self) -> bool {
        matches!(self.tag(), TALLIED | TALLIED_BY_TIME)
    }

    #[inline]
    pub(super) const fn is_tallied_by_time(self) -> bool {
        self.tag() == TALLIED_BY_TIME
    }

    const fn is_shadow(self) -> bool {
        self.0 & SHADOW != 0
    }

    /// The epoch, if closed.
    #[inline]
    pub(super) const fn epoch(self) -> u32 {
        (self.0 >> FLAG_BITS) as u32
    }

    /// Until when every call is refused, if that is so and nobody is told.
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
            OPEN | OPEN_TOLD | FORCED_OPEN => CircuitState::Open,
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
    ///
    /// To the compiler that is as if another thread had changed all memory that it can reach.
    #[inline]
    pub(super) fn load(&self) -> Bits {
        Bits(self.0.load(Ordering::Acquire))
    }

    /// Acquires nothing, so that what the compiler knows of the memory around stays true.
    #[inline]
    pub(super) fn peek(&self) -> Bits {
        Bits(self.0.load(Ordering::Relaxed))
    }

    pub(super) fn store(&self, view: View) {
        self.0.store(Bits::from(view).0, Ordering::Release);
    }
}

#[cfg(all(test, not(fsm_loom)))]
mod tests {
    use super::*;

    fn view(phased: Phased) -> View {
        View { phased, timed: false, shadow: false, told: false }
    }

    #[test]
    fn what_a_view_says_its_bits_say() {
        for pace in [Pace::Free, Pace::Judged, Pace::Tallied, Pace::TalliedByTime] {
            for epoch in [0, 1, EPOCHS - 1] {
                let bits = Bits::from(view(Phased::Closed { epoch, pace }));
                assert_eq!((bits.epoch(), bits.state(), bits.is_closed()), (epoch, CircuitState::Closed, true));
                assert_eq!(bits.is_free(), pace == Pace::Free);
                assert_eq!(bits.is_tallied(), matches!(pace, Pace::Tallied | Pace::TalliedByTime));
                assert_eq!(bits.is_tallied_by_time(), pace == Pace::TalliedByTime);
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
            assert_eq!(bits.open_until(), Some(longest), "{until}");
        }
    }

    #[test]
    fn flags_change_nothing_else() {
        let plain = view(Phased::Open { until: 7 });
        let timed = Bits::from(View { timed: true, ..plain });
        assert_eq!((timed.open_until(), timed.state()), (Some(7), CircuitState::Open));
        let shadow = Bits::from(View { shadow: true, ..plain });
        assert_eq!((shadow.open_until(), shadow.state()), (None, CircuitState::Closed), "nothing is refused");
        let told = Bits::from(View { told: true, ..plain });
        assert_eq!((told.open_until(), told.state()), (None, CircuitState::Open), "refused, and not without a word");
    }

    #[test]
    fn only_a_closed_breaker_that_times_no_calls_is_plainly_closed() {
        let closed = view(Phased::Closed { epoch: EPOCHS - 1, pace: Pace::Tallied });
        assert!(Bits::from(closed).is_plainly_closed());
        let timed = Bits::from(View { timed: true, ..closed });
        assert!(!timed.is_plainly_closed() && timed.is_tallied_by_time());
        for phased in [Phased::HalfOpen, Phased::Open { until: 0 }, Phased::ForcedOpen] {
            assert!(!Bits::from(view(phased)).is_plainly_closed());
        }
    }
}
