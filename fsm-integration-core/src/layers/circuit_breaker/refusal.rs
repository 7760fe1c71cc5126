use std::time::Duration;

use crate::{clock::nanos, error::CircuitOpen};

/// A refusal for so many nanoseconds.
///
/// It becomes a [`CircuitOpen`] where somebody looks at it, since the division into seconds costs as much as the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    left: u64,
}

/// Until an operator ends it.
const FOR_EVER: u64 = u64::MAX;

impl Refusal {
    #[inline]
    pub(super) const fn new(left: u64) -> Self {
        Self { left }
    }
}

impl From<CircuitOpen> for Refusal {
    fn from(CircuitOpen { retry_after }: CircuitOpen) -> Self {
        Self { left: retry_after.map_or(FOR_EVER, |left| nanos(left).min(FOR_EVER - 1)) }
    }
}

impl From<Refusal> for CircuitOpen {
    #[inline]
    fn from(Refusal { left }: Refusal) -> Self {
        Self { retry_after: (left != FOR_EVER).then(|| Duration::from_nanos(left)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_it_was_made_of() {
        for retry_after in [None, Some(Duration::ZERO), Some(Duration::from_secs(60))] {
            let refusal = CircuitOpen { retry_after };
            assert_eq!(CircuitOpen::from(Refusal::from(refusal)), refusal);
        }
        let longest = CircuitOpen { retry_after: Some(Duration::MAX) };
        assert!(CircuitOpen::from(Refusal::from(longest)).retry_after.is_some(), "long is not for ever");
    }
}
