//! Which of several outcomes is the call's: pure.

use crate::error::{Classify, ErrorClass};

/// Whether a failure ends the call although other requests are under way: they would fail in the same way.
fn is_final(class: ErrorClass) -> bool {
    matches!(class, ErrorClass::Permanent | ErrorClass::Cancelled)
}

/// Whether a failure comes from a request that was not made, or was turned away at the door.
fn is_refusal(class: ErrorClass) -> bool {
    matches!(class, ErrorClass::Open | ErrorClass::Throttled)
}

/// Whose outcome it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    First,
    Hedge,
}

/// The outcome of the call, if this request's outcome decides it; else its failure is remembered, if it tells more.
///
/// A hedge decides nothing by failing: that the partner refuses a second request may be due to the first, which is still
/// under way, as when it answers 409 to a key that it works on.
pub(super) fn settle<T, E: Classify>(
    outcome: Result<T, E>,
    sender: Sender,
    remembered: &mut Option<E>,
) -> Option<Result<T, E>> {
    let error = match outcome {
        Err(error) if sender == Sender::Hedge || !is_final(error.class()) => error,
        decided => return Some(decided),
    };
    let class = error.class();
    let tells_more = match sender {
        Sender::First => !is_refusal(class) || remembered.is_none(),
        // The first's tells more, unless it asked nobody.
        Sender::Hedge => {
            let may_pass = !is_refusal(class) && !is_final(class);
            may_pass && remembered.as_ref().is_none_or(|earlier| is_refusal(earlier.class()))
        }
    };
    if tells_more {
        *remembered = Some(error);
    }
    None
}

#[cfg(test)]
mod tests {
    use Sender::{First, Hedge};

    use super::*;
    use crate::error::{Error, ErrorKind};

    fn settled(outcomes: &[(Sender, Result<u32, ErrorKind>)]) -> Result<u32, ErrorKind> {
        let mut remembered = None;
        for (sender, outcome) in outcomes {
            if let Some(decided) = settle(outcome.map_err(Error::from), *sender, &mut remembered) {
                return decided.map_err(|error| error.kind());
            }
        }
        Err(remembered.expect("a failure").kind())
    }

    const DOWN: Result<u32, ErrorKind> = Err(ErrorKind::Unavailable);
    const LATE: Result<u32, ErrorKind> = Err(ErrorKind::Timeout);
    const OPEN: Result<u32, ErrorKind> = Err(ErrorKind::CircuitOpen);
    const FULL: Result<u32, ErrorKind> = Err(ErrorKind::RateLimited);
    const REJECTED: Result<u32, ErrorKind> = Err(ErrorKind::PartnerRejected);
    const CANCELLED: Result<u32, ErrorKind> = Err(ErrorKind::Cancelled);

    #[test]
    fn the_first_success_wins_over_failures_that_may_pass() {
        assert_eq!(settled(&[(First, DOWN), (Hedge, Ok(1)), (Hedge, Ok(2))]), Ok(1));
        assert_eq!(settled(&[(Hedge, DOWN), (First, Ok(1))]), Ok(1));
    }

    #[test]
    fn what_would_fail_again_ends_the_call_if_it_is_the_first() {
        for last in [REJECTED, CANCELLED] {
            assert_eq!(settled(&[(Hedge, DOWN), (First, last), (Hedge, Ok(1))]), last);
            assert_eq!(settled(&[(Hedge, last), (First, Ok(1))]), Ok(1));
        }
    }

    #[test]
    fn of_failures_the_firsts_is_told_unless_it_asked_nobody() {
        for hedges in [DOWN, LATE, OPEN, FULL, REJECTED, CANCELLED] {
            assert_eq!(settled(&[(Hedge, hedges), (First, DOWN)]), DOWN, "after {hedges:?}");
            assert_eq!(settled(&[(First, DOWN), (Hedge, hedges)]), DOWN, "before {hedges:?}");
        }
        for (hedges, told) in [(LATE, LATE), (DOWN, DOWN), (FULL, OPEN), (REJECTED, OPEN), (CANCELLED, OPEN)] {
            assert_eq!(settled(&[(Hedge, hedges), (First, OPEN)]), told, "after {hedges:?}");
            assert_eq!(settled(&[(First, OPEN), (Hedge, hedges)]), told, "before {hedges:?}");
        }
    }

    #[test]
    fn of_hedges_the_first_that_failed_is_told() {
        assert_eq!(settled(&[(Hedge, DOWN), (Hedge, LATE), (First, OPEN)]), DOWN);
        assert_eq!(settled(&[(First, OPEN), (Hedge, REJECTED), (Hedge, LATE), (Hedge, DOWN)]), LATE);
    }
}
