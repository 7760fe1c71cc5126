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

/// The outcome of the call, if this request's outcome decides it; else its failure is remembered, if it tells more.
pub(super) fn settle<T, E: Classify>(outcome: Result<T, E>, remembered: &mut Option<E>) -> Option<Result<T, E>> {
    let error = match outcome {
        Err(error) if !is_final(error.class()) => error,
        decided => return Some(decided),
    };
    let tells_less = |earlier: &E| is_refusal(earlier.class()) && !is_refusal(error.class());
    if remembered.as_ref().is_none_or(tells_less) {
        *remembered = Some(error);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind};

    fn settled(outcomes: &[Result<u32, ErrorKind>]) -> Result<u32, ErrorKind> {
        let mut remembered = None;
        for outcome in outcomes {
            if let Some(decided) = settle(outcome.map_err(Error::from), &mut remembered) {
                return decided.map_err(|error| error.kind());
            }
        }
        Err(remembered.expect("a failure").kind())
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
