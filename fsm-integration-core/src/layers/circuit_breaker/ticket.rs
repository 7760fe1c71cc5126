/// Leave to make a call, which comes back with its result: the epoch that it was given in and, where calls are timed, when
/// the call began.
///
/// One word, because what a call keeps is stored for each: 28 bits for the epoch, and 36 for the time in steps of 8 µs,
/// cut off. So a call is taken for at most two steps longer than it was; one that took longer than three days, for shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket(u64);

const EPOCH_BITS: u32 = 28;
const STEP_BITS: u32 = 13;
const NOT_TIMED: u64 = u64::MAX >> EPOCH_BITS;
/// Nanoseconds after which the steps begin again.
const ROUND: u64 = (NOT_TIMED + 1) << STEP_BITS;

impl Ticket {
    /// No leave: `Option` would take a word more.
    pub(super) const NONE: Self = Self(u64::MAX);
    /// For a call that was made though it would have been refused: of no epoch.
    pub(super) const UNCOUNTED: Self = Self(u64::MAX - 1);

    /// For a call that nobody times; `epoch` is below [`EPOCHS`](super::word::EPOCHS).
    #[inline]
    pub(super) const fn new(epoch: u32) -> Self {
        Self(NOT_TIMED << EPOCH_BITS | epoch as u64)
    }

    /// For a call that begins at `now`, in nanoseconds.
    pub(super) const fn timed(epoch: u32, now: u64) -> Self {
        let steps = now >> STEP_BITS & NOT_TIMED;
        let steps = if steps == NOT_TIMED { steps - 1 } else { steps };
        Self(steps << EPOCH_BITS | epoch as u64)
    }

    #[inline]
    pub(super) const fn epoch(self) -> u32 {
        self.0 as u32 & ((1 << EPOCH_BITS) - 1)
    }

    #[inline]
    pub(super) const fn is_timed(self) -> bool {
        self.0 >> EPOCH_BITS != NOT_TIMED
    }

    /// How long the call took, in nanoseconds, if it was timed.
    pub(super) const fn took(self, now: u64) -> Option<u64> {
        if !self.is_timed() {
            return None;
        }
        let began = self.0 >> EPOCH_BITS << STEP_BITS;
        let took = now.wrapping_sub(began) % ROUND;
        // A clock that went back between the two looks.
        Some(if took > ROUND / 2 { 0 } else { took })
    }

    #[inline]
    pub(super) const fn is_none(self) -> bool {
        self.0 == Self::NONE.0
    }

    /// Leaves none behind, so that nothing is recorded twice.
    #[inline]
    pub(super) const fn take(&mut self) -> Self {
        std::mem::replace(self, Self::NONE)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::word::EPOCHS, *};

    #[test]
    fn a_ticket_that_is_not_timed_knows_its_epoch_and_no_time() {
        for epoch in [0, 1, EPOCHS - 1] {
            let ticket = Ticket::new(epoch);
            assert_eq!((ticket.epoch(), ticket.is_timed(), ticket.took(u64::MAX)), (epoch, false, None));
        }
    }

    #[test]
    fn a_moment_whose_steps_look_like_no_time_is_one_all_the_same() {
        let now = NOT_TIMED << STEP_BITS;
        let ticket = Ticket::timed(7, now);
        assert_eq!((ticket.epoch(), ticket.took(now)), (7, Some(1 << STEP_BITS)));
    }

    #[test]
    fn none_and_uncounted_are_of_no_epoch_and_not_each_other() {
        for odd in [Ticket::NONE, Ticket::UNCOUNTED] {
            assert!(odd.epoch() >= EPOCHS && !odd.is_timed());
        }
        assert!(Ticket::NONE.is_none() && !Ticket::UNCOUNTED.is_none());
        let mut ticket = Ticket::new(7);
        assert_eq!((ticket.take(), ticket.take()), (Ticket::new(7), Ticket::NONE));
    }

    proptest! {
        #[test]
        fn a_call_took_what_it_took_or_at_most_two_steps_more(
            epoch in 0..EPOCHS,
            began in 0..u64::MAX / 2,
            took in 0_u64..3 * 24 * 3600 * 1_000_000_000,
            back in 1_u64..1_000_000_000,
        ) {
            let ticket = Ticket::timed(epoch, began);
            let more = ticket.took(began + took).expect("timed") - took;
            prop_assert!(ticket.is_timed() && ticket.epoch() == epoch && more < 2 << STEP_BITS, "{more} ns more");
            let back = ticket.took(began.saturating_sub(back)).expect("timed");
            prop_assert!(back < 2 << STEP_BITS, "a clock that goes back makes a call {back} ns long");
        }
    }
}
