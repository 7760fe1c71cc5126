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
            error.is::<CircuitOpen>().then_some(ErrorClass::Open).or_else(|| {
                (error.is::<RateLimited>() || error.is::<BulkheadFull>() || error.is::<Overloaded>())
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
    use super::*;

    #[test]
    fn a_boxed_refusal_keeps_its_meaning() {
        let hint = Some(Duration::from_secs(7));
        let boxed: BoxError = CircuitOpen { retry_after: hint }.into();
        assert_eq!(boxed.class(), ErrorClass::Open);
        assert_eq!(Classify::retry_after(&boxed), hint);
        let own = Error::from(boxed);
        assert_eq!((own.kind(), own.retry_after()), (ErrorKind::CircuitOpen, hint));
    }

    #[test]
    fn a_boxed_conflict_keeps_its_hint() {
        let retry_after = Duration::from_secs(1);
        let boxed: BoxError = IdempotencyConflict::InProgress { retry_after }.into();
        assert_eq!(Classify::retry_after(&boxed), Some(retry_after));
    }

    #[test]
    fn a_reset_connection_is_transient_whatever_its_text_says() {
        let boxed: BoxError = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "all good").into();
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
