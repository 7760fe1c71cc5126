use std::time::Duration;

use super::Error;

/// What to do about a failure; layers ask for nothing else.
///
/// Taken from a status or an I/O error's kind, never from text (requirement E3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// May pass on a later try; says that the other side is unwell.
    Transient,
    /// Refused for the moment, by us or by them; says nothing about the other side's health.
    Throttled,
    /// No answer in time; whether the work was done is not known.
    Timeout,
    /// The same call will fail again.
    Permanent,
    /// A circuit breaker refused it; waiting inside the call is pointless.
    Open,
    /// The caller went away.
    Cancelled,
}

impl ErrorClass {
    /// Every class, in the order of declaration.
    pub const ALL: [Self; 6] =
        [Self::Transient, Self::Throttled, Self::Timeout, Self::Permanent, Self::Open, Self::Cancelled];

    /// Whether trying again within the same call makes sense.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Transient | Self::Throttled | Self::Timeout)
    }

    /// Whether a later, durable attempt makes sense.
    #[must_use]
    pub const fn is_retryable_later(self) -> bool {
        !self.is_final()
    }

    /// Whether it counts against a circuit breaker (requirement E13).
    #[must_use]
    pub const fn trips_breaker(self) -> bool {
        matches!(self, Self::Transient | Self::Timeout)
    }

    /// Whether it is dead-lettered at once (requirement D2).
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Permanent)
    }

    /// The class as one stable lower-case word, for metric labels and the store.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Throttled => "throttled",
            Self::Timeout => "timeout",
            Self::Permanent => "permanent",
            Self::Open => "open",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Tells what a failure means; implement it for your own error type.
///
/// ```
/// use fsm_integration_core::error::{Classify, ErrorClass};
///
/// enum MyError { Busy, Broken }
///
/// impl Classify for MyError {
///     fn class(&self) -> ErrorClass {
///         match self {
///             MyError::Busy => ErrorClass::Transient,
///             MyError::Broken => ErrorClass::Permanent,
///         }
///     }
/// }
/// ```
pub trait Classify {
    /// What to do about this failure.
    fn class(&self) -> ErrorClass;

    /// How long the refusing side asked to wait, if it did.
    fn retry_after(&self) -> Option<Duration> {
        None
    }

    /// Whether this process refused the call, so that nobody on the other side asked to wait; `false` by default.
    ///
    /// A [`RateLimitLayer`](crate::layers::rate_limit::RateLimitLayer) that honours the other side's wishes does not
    /// take those of another limiter here for them: an error type of yours that holds refusals says so.
    fn is_local(&self) -> bool {
        false
    }
}

impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_from_each_class() {
        let follows = ErrorClass::ALL.map(|class| {
            (class.label(), class.is_retryable(), class.is_retryable_later(), class.trips_breaker(), class.is_final())
        });
        let expected = [
            ("transient", true, true, true, false),
            ("throttled", true, true, false, false),
            ("timeout", true, true, true, false),
            ("permanent", false, false, false, true),
            ("open", false, true, false, false),
            ("cancelled", false, true, false, false),
        ];
        assert_eq!(follows, expected);
    }

    #[test]
    fn a_failure_asks_for_no_wait_unless_it_says_so() {
        struct Broken;

        impl Classify for Broken {
            fn class(&self) -> ErrorClass {
                ErrorClass::Permanent
            }
        }

        assert_eq!(Broken.retry_after(), None);
    }
}
