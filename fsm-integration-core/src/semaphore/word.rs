/// How many places are taken, how many there are, whether anybody waits and whether the owner is gone, in 64 bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Word(pub(super) u64);

const BITS: u32 = 31;
const COUNT: u64 = (1 << BITS) - 1;
const QUEUED: u64 = 1 << 62;
const CLOSED: u64 = 1 << 63;

impl Word {
    /// What one place counts.
    pub(super) const PLACE: u64 = 1;
    pub(super) const CLOSED: u64 = CLOSED;
    pub(super) const NOT_QUEUED: u64 = !QUEUED;

    /// No place taken of `limit`, which is brought to between 1 and 2^31 - 1.
    pub(super) fn new(limit: usize) -> Self {
        Self((limit as u64).clamp(1, COUNT) << BITS)
    }

    #[inline]
    pub(super) const fn taken(self) -> usize {
        (self.0 & COUNT) as usize
    }

    #[inline]
    pub(super) const fn limit(self) -> usize {
        (self.0 >> BITS & COUNT) as usize
    }

    #[inline]
    const fn has_free_place(self) -> bool {
        self.0 & COUNT < self.0 >> BITS & COUNT
    }

    /// With one place more taken, if one is free and nobody waits for it.
    #[inline]
    pub(super) const fn take(self) -> Option<Self> {
        if self.has_free_place() && self.0 & QUEUED == 0 { Some(Self(self.0 + Self::PLACE)) } else { None }
    }

    /// With one place more taken by the first of those who wait, if one is free.
    pub(super) const fn hand_on(self, is_last: bool) -> Option<Self> {
        if !self.has_free_place() {
            return None;
        }
        let next = self.0 + Self::PLACE;
        Some(Self(if is_last { next & Self::NOT_QUEUED } else { next }))
    }

    pub(super) const fn with_somebody_waiting(self) -> Self {
        Self(self.0 | QUEUED)
    }

    pub(super) fn with_limit(self, limit: usize) -> Self {
        Self(self.0 & !(COUNT << BITS) | Self::new(limit).0)
    }

    /// Whether giving back the place that this word still counts is more than counting.
    #[inline]
    pub(super) const fn needs_care(self) -> bool {
        self.0 & (QUEUED | CLOSED) != 0
    }

    /// Whether the owner is gone, and the place that this word still counts was the last.
    pub(super) const fn is_last_of_closed(self) -> bool {
        self.0 & CLOSED != 0 && self.taken() == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_brought_to_what_the_word_can_hold() {
        let largest = (1 << 31) - 1;
        for (wanted, limit) in [(0, 1), (1, 1), (7, 7), (largest, largest), (usize::MAX, largest)] {
            assert_eq!(Word::new(wanted).limit(), limit);
            assert_eq!(Word::new(3).with_limit(wanted).limit(), limit);
        }
    }

    #[test]
    fn the_parts_do_not_touch_each_other() {
        let word = Word::new(2).take().expect("free").with_somebody_waiting();
        assert_eq!((word.taken(), word.limit()), (1, 2));
        assert!(word.take().is_none(), "somebody waits");
        let word = word.hand_on(true).expect("free").with_limit(1);
        assert_eq!((word.taken(), word.limit(), word.needs_care()), (2, 1, false));
        assert!(word.take().is_none() && word.hand_on(false).is_none());
    }
}
