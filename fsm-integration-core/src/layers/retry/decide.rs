//! Whether to try again, and after which wait: pure.

use std::time::Duration;

use super::{RetryConfig, RetryDelays};
use crate::error::ErrorClass;

/// What is known when an attempt has failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failed {
    pub(super) class: ErrorClass,
    pub(super) retry_after: Option<Duration>,
    /// How long until the deadline, when there is one.
    pub(super) left: Option<Duration>,
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

#[cfg(test)]
mod tests {
    use super::*;

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

    // F-R3, requirement E8.
    #[test]
    fn no_wait_ends_at_or_after_the_deadline() {
        assert_eq!(decide(ErrorClass::Transient, None, Some(2)), Ok(Duration::from_secs(1)));
        assert_eq!(decide(ErrorClass::Transient, None, Some(1)), Err(Stop::PastDeadline));
        assert_eq!(decide(ErrorClass::Transient, Some(5), Some(4)), Err(Stop::PastDeadline));
    }
}
