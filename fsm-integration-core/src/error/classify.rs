use std::time::Duration;

use super::{
    BoxError, BulkheadFull, CircuitOpen, Error, ErrorKind, IdempotencyConflict, Overloaded, RateLimited, TimedOut,
};

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

/// Finds what this crate can classify inside; anything else is [`ErrorClass::Permanent`], because an
/// unknown failure that is retried blindly does harm.
impl Classify for BoxError {
    fn class(&self) -> ErrorClass {
        fn known(error: &BoxError) -> Option<ErrorClass> {
            if let Some(error) = error.downcast_ref::<Error>() {
                return Some(error.class());
            }
            if let Some(conflict) = error.downcast_ref::<IdempotencyConflict>() {
                return Some(ErrorKind::from(conflict).class());
            }
            if let Some(error) = error.downcast_ref::<std::io::Error>() {
                return Some(class_of_io(error.kind()));
            }
            if let Some(limited) = error.downcast_ref::<RateLimited>() {
                return Some(ErrorKind::from(limited).class());
            }
            error.is::<CircuitOpen>().then_some(ErrorClass::Open).or_else(|| {
                (error.is::<BulkheadFull>() || error.is::<Overloaded>())
                    .then_some(ErrorClass::Throttled)
                    .or_else(|| error.is::<TimedOut>().then_some(ErrorClass::Timeout))
            })
        }
        known(self).unwrap_or(ErrorClass::Permanent)
    }

    fn retry_after(&self) -> Option<Duration> {
        if let Some(error) = self.downcast_ref::<Error>() {
            return error.retry_after();
        }
        if let Some(limited) = self.downcast_ref::<RateLimited>() {
            return limited.retry_after;
        }
        if let Some(IdempotencyConflict::InProgress { retry_after }) = self.downcast_ref() {
            return Some(*retry_after);
        }
        self.downcast_ref::<CircuitOpen>().and_then(|open| open.retry_after)
    }

    fn is_local(&self) -> bool {
        if let Some(error) = self.downcast_ref::<Error>() {
            return error.is_local();
        }
        self.is::<RateLimited>()
            || self.is::<CircuitOpen>()
            || self.is::<BulkheadFull>()
            || self.is::<Overloaded>()
            || self.is::<IdempotencyConflict>()
    }
}

/// What an I/O failure means: the network's are transient, the rest are ours.
pub(crate) fn class_of_io(kind: std::io::ErrorKind) -> ErrorClass {
    use std::io::ErrorKind as Io;
    match kind {
        Io::TimedOut => ErrorClass::Timeout,
        Io::ConnectionRefused
        | Io::ConnectionReset
        | Io::ConnectionAborted
        | Io::NotConnected
        | Io::BrokenPipe
        | Io::UnexpectedEof
        | Io::HostUnreachable
        | Io::NetworkUnreachable
        | Io::NetworkDown
        | Io::Interrupted
        | Io::WouldBlock
        | Io::AddrNotAvailable => ErrorClass::Transient,
        _ => ErrorClass::Permanent,
    }
}

/// The one place where an erased error becomes ours again.
impl From<BoxError> for Error {
    fn from(error: BoxError) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(own) => return *own,
            Err(other) => other,
        };
        if let Some(refusal) = error.downcast_ref::<CircuitOpen>() {
            return (*refusal).into();
        }
        if let Some(refusal) = error.downcast_ref::<RateLimited>() {
            return (*refusal).into();
        }
        if let Some(refusal) = error.downcast_ref::<TimedOut>() {
            return (*refusal).into();
        }
        if let Some(refusal) = error.downcast_ref::<BulkheadFull>() {
            return (*refusal).into();
        }
        if let Some(refusal) = error.downcast_ref::<Overloaded>() {
            return (*refusal).into();
        }
        if let Some(refusal) = error.downcast_ref::<IdempotencyConflict>() {
            return (*refusal).into();
        }
        let kind = match error.downcast_ref::<std::io::Error>().map(|io| class_of_io(io.kind())) {
            Some(ErrorClass::Timeout) => ErrorKind::Timeout,
            Some(ErrorClass::Transient) => ErrorKind::Unavailable,
            _ => ErrorKind::Internal,
        };
        Self::from(kind).with_source(error)
    }
}

impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::layers::coalesce::ShareError;

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
    fn in_a_box_each_refusal_means_what_it_means_as_our_error() {
        let wait = Duration::from_secs(7);
        let retry_after = Some(wait);
        let table: [(BoxError, ErrorKind, ErrorClass, Option<Duration>); 8] = [
            (CircuitOpen { retry_after }.into(), ErrorKind::CircuitOpen, ErrorClass::Open, retry_after),
            (RateLimited { retry_after }.into(), ErrorKind::RateLimited, ErrorClass::Throttled, retry_after),
            (TimedOut { after: wait }.into(), ErrorKind::Timeout, ErrorClass::Timeout, None),
            (BulkheadFull { limit: 1 }.into(), ErrorKind::BulkheadFull, ErrorClass::Throttled, None),
            (Overloaded.into(), ErrorKind::Overloaded, ErrorClass::Throttled, None),
            (IdempotencyConflict::Mismatch.into(), ErrorKind::DuplicateOrder, ErrorClass::Permanent, None),
            (
                IdempotencyConflict::InProgress { retry_after: wait }.into(),
                ErrorKind::InProgress,
                ErrorClass::Throttled,
                retry_after,
            ),
            (
                Error::from(ErrorKind::Unavailable).with_retry_after(retry_after).into(),
                ErrorKind::Unavailable,
                ErrorClass::Transient,
                retry_after,
            ),
        ];
        for (boxed, kind, class, hint) in table {
            assert_eq!((boxed.class(), Classify::retry_after(&boxed)), (class, hint), "{kind:?} in a box");
            let own = Error::from(boxed);
            assert_eq!((own.kind(), own.class(), Classify::retry_after(&own)), (kind, class, hint));
        }
    }

    #[test]
    fn what_a_failure_of_the_network_means() {
        for (io, class, kind) in [
            (io::ErrorKind::TimedOut, ErrorClass::Timeout, ErrorKind::Timeout),
            (io::ErrorKind::ConnectionRefused, ErrorClass::Transient, ErrorKind::Unavailable),
            (io::ErrorKind::BrokenPipe, ErrorClass::Transient, ErrorKind::Unavailable),
            (io::ErrorKind::PermissionDenied, ErrorClass::Permanent, ErrorKind::Internal),
        ] {
            let boxed: BoxError = io::Error::from(io).into();
            assert_eq!((boxed.class(), Error::from(boxed).kind()), (class, kind), "{io:?}");
        }
    }

    #[test]
    fn what_this_process_refused_is_told_from_what_the_other_side_did() {
        let retry_after = Some(Duration::from_secs(1));
        let in_progress = IdempotencyConflict::InProgress { retry_after: Duration::from_secs(1) };
        let table: [(BoxError, bool); 7] = [
            (RateLimited { retry_after }.into(), true),
            (CircuitOpen { retry_after }.into(), true),
            (BulkheadFull { limit: 1 }.into(), true),
            (Overloaded.into(), true),
            (in_progress.into(), true),
            (TimedOut { after: Duration::ZERO }.into(), false),
            (Error::from(ErrorKind::RateLimited).with_retry_after(retry_after).into(), false),
        ];
        for (boxed, is_local) in table {
            assert_eq!(boxed.is_local(), is_local, "{boxed:?} in a box");
            let own = Error::from(boxed);
            assert_eq!(own.is_local(), is_local, "{own:?}");
            assert_eq!(own.share().is_local(), is_local, "{own:?} shared");
        }
    }

    #[test]
    fn a_refusal_for_ever_is_permanent() {
        let boxed: BoxError = RateLimited { retry_after: None }.into();
        assert_eq!(boxed.class(), ErrorClass::Permanent);
        let own = Error::from(boxed);
        assert_eq!((own.kind(), own.class()), (ErrorKind::InvalidRequest, ErrorClass::Permanent));
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

    #[test]
    fn a_reset_connection_is_transient_whatever_its_text_says() {
        let boxed: BoxError = io::Error::new(io::ErrorKind::ConnectionReset, "all good").into();
        assert_eq!(boxed.class(), ErrorClass::Transient);
        let text_only: BoxError = "ECONNREFUSED ETIMEDOUT".into();
        assert_eq!(text_only.class(), ErrorClass::Permanent);
    }

    #[test]
    fn an_error_survives_the_trip_through_a_box() {
        let boxed: BoxError = Error::new(ErrorKind::NotFound, "no such order").into();
        assert_eq!(Error::from(boxed).message(), "no such order");
    }
}
