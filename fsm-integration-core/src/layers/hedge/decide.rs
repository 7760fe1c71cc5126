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

/// A failure that is not the call's outcome yet.
pub(super) struct Remembered<O> {
    class: ErrorClass,
    pub(super) outcome: O,
}

/// Decides the call by one request's outcome, as a [`Judge`](crate::error::Judge) sees it: tells the outcome, and
/// whether it is good; else the failure is remembered, if it tells more.
///
/// In a box, so that a call that does not fail carries no room for it.
pub(super) fn settle<O>(
    judged: Result<O, (Failure, O)>,
    remembered: &mut Option<Box<Remembered<O>>>,
) -> Option<(O, bool)> {
    let (class, outcome) = match judged {
        Ok(answer) => return Some((answer, true)),
        Err((failure, outcome)) if is_final(failure.class) => return Some((outcome, false)),
        Err((failure, outcome)) => (failure.class, outcome),
    };
    let tells_less = |earlier: &Remembered<O>| is_refusal(earlier.class) && !is_refusal(class);
    if remembered.as_deref().is_none_or(tells_less) {
        *remembered = Some(Box::new(Remembered { class, outcome }));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind, Judge, OnError};

    fn settled(outcomes: &[Result<u32, ErrorKind>]) -> Result<u32, ErrorKind> {
        let mut remembered = None;
        for outcome in outcomes {
            if let Some((decided, good)) = settle(OnError.judge(outcome.map_err(Error::from)), &mut remembered) {
                assert_eq!(good, decided.is_ok());
                return decided.map_err(|error| error.kind());
            }
        }
        remembered.expect("a failure").outcome.map_err(|error| error.kind())
    }

    #[test]
    fn the_first_success_wins_over_failures_that_may_pass() {
        assert_eq!(settled(&[Err(ErrorKind::Unavailable), Ok(1), Ok(2)]), Ok(1));
    }

    #[test]
    fn what_would_fail_again_ends_the_call() {
        let outcomes = [Err(ErrorKind::Unavailable), Err(ErrorKind::PartnerRejected), Ok(1)];
        assert_eq!(settled(&outcomes), Err(ErrorKind::PartnerRejected));
        assert_eq!(settled(&[Err(ErrorKind::Cancelled), Ok(1)]), Err(ErrorKind::Cancelled));
    }

    #[test]
    fn of_failures_the_first_is_told_unless_it_asked_nobody() {
        let (down, late) = (Err(ErrorKind::Unavailable), Err(ErrorKind::Timeout));
        let (open, full) = (Err(ErrorKind::CircuitOpen), Err(ErrorKind::RateLimited));
        assert_eq!(settled(&[down, late]), down);
        assert_eq!(settled(&[open, late, down]), late);
        assert_eq!(settled(&[down, open]), down);
        assert_eq!(settled(&[open, full]), open);
    }
}
