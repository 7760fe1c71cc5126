//! Whether to try again, and after which wait: pure.

use std::time::Duration;

use super::{Failure, RetryConfig, schedule::Progress};
use crate::error::ErrorClass;

/// What is known when an attempt has failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failed {
    pub(super) failure: Failure,
    /// How long until the deadline, when there is one.
    pub(super) left: Option<Duration>,
    /// Whether there is a request to send.
    pub(super) replayable: bool,
}

impl Failed {
    /// Whether a retry is extra load; not when the refusing side itself named a time to wait, as our own limiter does.
    pub(super) fn draws_on_budget(&self) -> bool {
        self.failure.class != ErrorClass::Throttled || self.failure.retry_after.is_none_or(|hint| hint.is_zero())
    }
}

/// Why an attempt was the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    NotRetryable,
    NoRetryLeft,
    NotReplayable,
    HintTooLong,
    PastDeadline,
    BudgetExhausted,
}

impl Stop {
    /// The reason as one stable lower-case word, for metric labels.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::NotRetryable => "not_retryable",
            Self::NoRetryLeft => "no_retry_left",
            Self::NotReplayable => "not_replayable",
            Self::HintTooLong => "hint_too_long",
            Self::PastDeadline => "past_deadline",
            Self::BudgetExhausted => "budget_exhausted",
        }
    }
}

impl RetryConfig {
    /// The wait before the next attempt: the schedule's, or the other side's hint if that is longer.
    pub(super) fn decide(&self, progress: Progress, failed: Failed, random: f64) -> Result<Duration, Stop> {
        let Failure { class, retry_after } = failed.failure;
        if !class.is_retryable() {
            return Err(Stop::NotRetryable);
        }
        let delay = progress.peek(&self.for_class(class), random).ok_or(Stop::NoRetryLeft)?;
        if !failed.replayable {
            return Err(Stop::NotReplayable);
        }
        let hint = retry_after.unwrap_or_default();
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

/// The outcome to tell of: a breaker that refused the last attempt asked nobody, so the one before it stands.
///
/// Told of the refusal, a caller would take a partner that was asked and failed for one that was never asked.
pub(super) fn outcome<O>(earlier: Option<O>, last: O, class: ErrorClass) -> O {
    match earlier {
        Some(earlier) if class == ErrorClass::Open => earlier,
        _ => last,
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{ClassConfig, PerClass},
        *,
    };

    fn failed(class: ErrorClass, hint: Option<u64>, left: Option<u64>) -> Failed {
        let seconds = |seconds: Option<u64>| seconds.map(Duration::from_secs);
        Failed { failure: Failure { class, retry_after: seconds(hint) }, left: seconds(left), replayable: true }
    }

    fn decide(class: ErrorClass, hint: Option<u64>, left: Option<u64>) -> Result<Duration, Stop> {
        RetryConfig::default().decide(Progress::default(), failed(class, hint, left), 0.0)
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
        assert_eq!(outcome(Some("first"), "last", ErrorClass::Open), "first");
        assert_eq!(outcome(None, "last", ErrorClass::Open), "last");
        for class in [ErrorClass::Timeout, ErrorClass::Throttled, ErrorClass::Permanent] {
            assert_eq!(outcome(Some("first"), "last", class), "last");
        }
    }

    #[test]
    fn each_class_has_its_own_first_wait_and_its_own_number_of_retries() {
        let throttled = ClassConfig { initial_delay: Some(Duration::from_secs(5)), max_retries: None };
        let timeout = ClassConfig { max_retries: Some(0), initial_delay: None };
        let per_class = PerClass { throttled, timeout, ..PerClass::default() };
        let config = RetryConfig { per_class, ..RetryConfig::default() };
        let mut progress = Progress::default();
        let decide = |class, progress| config.decide(progress, failed(class, None, None), 0.0);
        assert_eq!(decide(ErrorClass::Throttled, progress), Ok(Duration::from_secs(5)));
        assert_eq!(decide(ErrorClass::Transient, progress), Ok(Duration::from_secs(1)));
        assert_eq!(decide(ErrorClass::Timeout, progress), Err(Stop::NoRetryLeft));
        progress.advance(Duration::from_secs(1));
        assert_eq!(decide(ErrorClass::Throttled, progress), Ok(Duration::from_secs(10)));
    }

    #[test]
    fn only_a_hint_that_makes_us_wait_is_free_of_the_budget() {
        let draws = |class, hint| failed(class, hint, None).draws_on_budget();
        assert!(!draws(ErrorClass::Throttled, Some(1)));
        assert!(draws(ErrorClass::Throttled, Some(0)) && draws(ErrorClass::Throttled, None));
        assert!(draws(ErrorClass::Transient, Some(1)));
    }

    // E7.
    #[test]
    fn what_cannot_be_sent_again_is_not_waited_for() {
        let lost = Failed { replayable: false, ..failed(ErrorClass::Transient, None, None) };
        assert_eq!(RetryConfig::default().decide(Progress::default(), lost, 0.0), Err(Stop::NotReplayable));
    }

    // F-R3, requirement E8.
    #[test]
    fn no_wait_ends_at_or_after_the_deadline() {
        assert_eq!(decide(ErrorClass::Transient, None, Some(2)), Ok(Duration::from_secs(1)));
        assert_eq!(decide(ErrorClass::Transient, None, Some(1)), Err(Stop::PastDeadline));
        assert_eq!(decide(ErrorClass::Transient, Some(5), Some(4)), Err(Stop::PastDeadline));
    }
}
