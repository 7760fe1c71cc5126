//! Which of several outcomes is the call's: pure.

use crate::error::{ErrorClass, Failure};

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

/// A failure that is not the call's outcome yet.
pub(super) struct Remembered<O> {
    class: ErrorClass,
    pub(super) outcome: O,
}

/// Decides the call by one request's outcome, as a [`Judge`](crate::error::Judge) sees it: tells the outcome, and
/// whether it is good; else the failure is remembered, if it tells more.
///
/// A hedge decides nothing by failing: that the partner refuses a second request may be due to the first, which is still
/// under way, as when it answers 409 to a key that it works on.
///
/// In a box, so that a call that does not fail carries no room for it.
pub(super) fn settle<O>(
    judged: Result<O, (Failure, O)>,
    sender: Sender,
    remembered: &mut Option<Box<Remembered<O>>>,
) -> Option<(O, bool)> {
    let (class, outcome) = match judged {
        Ok(answer) => return Some((answer, true)),
        Err((failure, outcome)) if sender == Sender::First && is_final(failure.class) => return Some((outcome, false)),
        Err((failure, outcome)) => (failure.class, outcome),
    };
    let tells_more = match sender {
        Sender::First => !is_refusal(class) || remembered.is_none(),
        // The first's tells more, unless it asked nobody.
        Sender::Hedge => {
            let may_pass = !is_refusal(class) && !is_final(class);
            may_pass && remembered.as_ref().is_none_or(|earlier| is_refusal(earlier.class))
        }
    };
    if tells_more {
        *remembered = Some(Box::new(Remembered { class, outcome }));
    }
    None
}

#[cfg(test)]
mod tests {
    use Sender::{First, Hedge};

    use super::*;
    use crate::error::{Error, ErrorKind, Judge, OnError};

    fn settled(outcomes: &[(Sender, Result<u32, ErrorKind>)]) -> Result<u32, ErrorKind> {
        let mut remembered = None;
        for (sender, outcome) in outcomes {
            let judged = OnError.judge(outcome.map_err(Error::from));
            if let Some((decided, good)) = settle(judged, *sender, &mut remembered) {
                assert_eq!(good, decided.is_ok());
                return decided.map_err(|error| error.kind());
            }
        }
        remembered.expect("a failure").outcome.map_err(|error| error.kind())
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
