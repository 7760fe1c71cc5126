//! Whether to try again, and after which wait: pure.

use std::time::Duration;

use super::{RetryConfig, RetryDelays};
use crate::error::{Classify, ErrorClass};

/// What is known when an attempt has failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failed {
    pub(super) class: ErrorClass,
    pub(super) retry_after: Option<Duration>,
    /// How long until the deadline, when there is one.
    pub(super) left: Option<Duration>,
}

impl Failed {
    /// Whether a retry is extra load; not when the refusing side itself named the time, as our own limiter does.
    pub(super) fn draws_on_budget(&self) -> bool {
        self.class != ErrorClass::Throttled || self.retry_after.is_none()
    }
}

/// Why an attempt was the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    NotRetryable,
    NoRetryLeft,
    HintTooLong,
    PastDeadline,
    BudgetExhausted,
}

impl RetryConfig {
    /// The wait before the next attempt: the schedule's, or the other side's hint if that is longer.
    pub(super) fn decide(&self, delays: &RetryDelays, failed: Failed, random: f64) -> Result<Duration, Stop> {
        if !failed.class.is_retryable() {
            return Err(Stop::NotRetryable);
        }
        let delay = delays.peek(random).ok_or(Stop::NoRetryLeft)?;
        let hint = failed.retry_after.unwrap_or_default();
        if hint > self.max_retry_after {
            return Err(Stop::HintTooLong);
        }
        let delay = delay.max(hint);
        match failed.left {
            Some(left) if delay >= left => Err(Stop::PastDeadline),
            _ => Ok(delay),
        }
    }
}

/// The failure to tell of: a breaker that refused the last attempt asked nobody, so the one before it stands.
///
/// Told of the refusal, a caller would take a partner that was asked and failed for one that was never asked.
pub(super) fn outcome<E: Classify>(earlier: Option<E>, last: E) -> E {
    match earlier {
        Some(earlier) if last.class() == ErrorClass::Open => earlier,
        _ => last,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind};

    fn decide(class: ErrorClass, hint: Option<u64>, left: Option<u64>) -> Result<Duration, Stop> {
        let config = RetryConfig::default();
        let seconds = |seconds: Option<u64>| seconds.map(Duration::from_secs);
        config.decide(&config.delays(), Failed { class, retry_after: seconds(hint), left: seconds(left) }, 0.0)
    }

    // F-R1, F-R5, F-R6: by class, never by text or by default.
    #[test]
    fn only_what_may_pass_is_tried_again() {
        for class in [ErrorClass::Transient, ErrorClass::Throttled, ErrorClass::Timeout] {
            assert_eq!(decide(class, None, None), Ok(Duration::from_secs(1)), "{class:?}");
        }
        for class in [ErrorClass::Permanent, ErrorClass::Open, ErrorClass::Cancelled] {
            assert_eq!(decide(class, Some(1), None), Err(Stop::NotRetryable), "{class:?}");
        }
    }

    // F-R8, requirement W11.
    #[test]
    fn a_hint_is_never_undercut_and_ends_the_call_when_too_long() {
        assert_eq!(decide(ErrorClass::Throttled, Some(7), None), Ok(Duration::from_secs(7)));
        assert_eq!(decide(ErrorClass::Throttled, Some(0), None), Ok(Duration::from_secs(1)));
        assert_eq!(decide(ErrorClass::Throttled, Some(30), None), Ok(Duration::from_secs(30)));
        assert_eq!(decide(ErrorClass::Throttled, Some(31), None), Err(Stop::HintTooLong));
    }

    #[test]
    fn only_a_refusal_by_a_breaker_yields_to_the_failure_before_it() {
        let kind = |earlier: Option<ErrorKind>, last: ErrorKind| outcome(earlier.map(Error::from), last.into()).kind();
        assert_eq!(kind(Some(ErrorKind::Unavailable), ErrorKind::CircuitOpen), ErrorKind::Unavailable);
        assert_eq!(kind(None, ErrorKind::CircuitOpen), ErrorKind::CircuitOpen);
        for last in [ErrorKind::Timeout, ErrorKind::RateLimited, ErrorKind::PartnerRejected] {
            assert_eq!(kind(Some(ErrorKind::Unavailable), last), last);
        }
    }

    // F-R3, requirement E8.
    #[test]
    fn no_wait_ends_at_or_after_the_deadline() {
        assert_eq!(decide(ErrorClass::Transient, None, Some(2)), Ok(Duration::from_secs(1)));
        assert_eq!(decide(ErrorClass::Transient, None, Some(1)), Err(Stop::PastDeadline));
        assert_eq!(decide(ErrorClass::Transient, Some(5), Some(4)), Err(Stop::PastDeadline));
    }
}
