use std::time::Duration;

use super::{Error, ErrorKind};

/// A circuit breaker refused the call without making it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the circuit breaker is open")]
pub struct CircuitOpen {
    /// How long until a probe is let through; `None` when only an operator closes it.
    pub retry_after: Option<Duration>,
}

/// A rate limiter refused the call without making it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the rate limit is exceeded")]
pub struct RateLimited {
    /// How long until the call would be let through; `None` when its cost exceeds the capacity for ever, which is
    /// [`Permanent`](super::ErrorClass::Permanent).
    pub retry_after: Option<Duration>,
}

/// The time for the call ran out; its future was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no answer within {after:?}")]
pub struct TimedOut {
    /// The time that was allowed.
    pub after: Duration,
}

/// Too many calls are under way and the queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many calls are under way (limit {limit})")]
pub struct BulkheadFull {
    /// How many calls may be under way.
    pub limit: usize,
}

/// The service behind was not ready, and the call was not to wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the service is not ready for more calls")]
pub struct Overloaded;

/// An idempotency key stands in the way of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdempotencyConflict {
    /// The key is known with another payload.
    #[error("the idempotency key is known with another payload")]
    Mismatch,
    /// The first call under the key is still under way after the bounded wait.
    #[error("the first call under this idempotency key is still under way")]
    InProgress {
        /// When to ask again.
        retry_after: Duration,
    },
    /// The lease was lost while the work was under way: another owner may have done it too.
    #[error("the lease on the idempotency key was lost; the outcome is not known")]
    LostLease,
    /// The store could not be asked; the call was not made (writes fail closed, requirement I14).
    #[error("the idempotency store is unavailable")]
    StoreUnavailable,
    /// The work is done, but its outcome could not be stored: whoever asks again may do it again.
    #[error("the work under this idempotency key is done, but its outcome could not be stored")]
    OutcomeUnknown,
}

impl IdempotencyConflict {
    /// The reason as one stable lower-case word, for metric labels.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Mismatch => "mismatch",
            Self::InProgress { .. } => "in_progress",
            Self::LostLease => "lost_lease",
            Self::StoreUnavailable => "store_unavailable",
            Self::OutcomeUnknown => "outcome_unknown",
        }
    }
}

/// A webhook's signature does not hold; the reason is for logs, never for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSignature {
    /// A required header is absent.
    #[error("a signature header is missing")]
    MissingHeader,
    /// A signature header is there twice.
    #[error("a signature header is there twice")]
    DuplicateHeader,
    /// The timestamp cannot be read.
    #[error("the timestamp cannot be read")]
    BadTimestamp,
    /// The timestamp is older than the tolerance.
    #[error("the timestamp is too old")]
    TooOld,
    /// The timestamp is further in the future than the tolerance.
    #[error("the timestamp is too far in the future")]
    TooNew,
    /// No signature matches any accepted secret.
    #[error("no signature matches")]
    BadSignature,
    /// The same id was accepted before.
    #[error("the id was seen before")]
    Replay,
}

impl InvalidSignature {
    /// The reason as one stable lower-case word, for metric labels.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::MissingHeader => "missing_header",
            Self::DuplicateHeader => "duplicate_header",
            Self::BadTimestamp => "bad_timestamp",
            Self::TooOld => "too_old",
            Self::TooNew => "too_new",
            Self::BadSignature => "bad_signature",
            Self::Replay => "replay",
        }
    }
}

impl From<CircuitOpen> for Error {
    fn from(refusal: CircuitOpen) -> Self {
        Self::from(ErrorKind::CircuitOpen).with_retry_after(refusal.retry_after)
    }
}

/// What never passes is the request's fault, not the moment's.
impl From<&RateLimited> for ErrorKind {
    fn from(refusal: &RateLimited) -> Self {
        if refusal.retry_after.is_some() { Self::RateLimited } else { Self::InvalidRequest }
    }
}

impl From<RateLimited> for Error {
    fn from(refusal: RateLimited) -> Self {
        let error = match ErrorKind::from(&refusal) {
            ErrorKind::InvalidRequest => {
                Self::new(ErrorKind::InvalidRequest, "the call costs more than the rate limit ever allows at once")
            }
            kind => kind.into(),
        };
        error.with_retry_after(refusal.retry_after).with_local(true)
    }
}

impl From<TimedOut> for Error {
    fn from(refusal: TimedOut) -> Self {
        Self::new(ErrorKind::Timeout, refusal.to_string())
    }
}

impl From<BulkheadFull> for Error {
    fn from(refusal: BulkheadFull) -> Self {
        Self::new(ErrorKind::BulkheadFull, refusal.to_string())
    }
}

impl From<Overloaded> for Error {
    fn from(refusal: Overloaded) -> Self {
        Self::new(ErrorKind::Overloaded, refusal.to_string())
    }
}

impl From<&IdempotencyConflict> for ErrorKind {
    fn from(conflict: &IdempotencyConflict) -> Self {
        match conflict {
            IdempotencyConflict::Mismatch => Self::DuplicateOrder,
            IdempotencyConflict::InProgress { .. } => Self::InProgress,
            IdempotencyConflict::LostLease | IdempotencyConflict::OutcomeUnknown => Self::Internal,
            IdempotencyConflict::StoreUnavailable => Self::Unavailable,
        }
    }
}

impl From<IdempotencyConflict> for Error {
    fn from(conflict: IdempotencyConflict) -> Self {
        let retry_after = match conflict {
            IdempotencyConflict::InProgress { retry_after } => Some(retry_after),
            _ => None,
        };
        Self::new(ErrorKind::from(&conflict), conflict.to_string()).with_retry_after(retry_after)
    }
}

/// One body for every reason: a caller learns nothing from which check failed.
impl From<InvalidSignature> for Error {
    fn from(reason: InvalidSignature) -> Self {
        Self::new(ErrorKind::Unauthorized, "the webhook signature is not valid").with_source(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_label() {
        use IdempotencyConflict::{InProgress, LostLease, Mismatch, OutcomeUnknown, StoreUnavailable};
        let in_progress = InProgress { retry_after: Duration::ZERO };
        let conflicts = [Mismatch, in_progress, LostLease, StoreUnavailable, OutcomeUnknown];
        let labels = ["mismatch", "in_progress", "lost_lease", "store_unavailable", "outcome_unknown"];
        assert_eq!(conflicts.map(IdempotencyConflict::label), labels);

        use InvalidSignature::{BadSignature, BadTimestamp, DuplicateHeader, MissingHeader, Replay, TooNew, TooOld};
        let reasons = [MissingHeader, DuplicateHeader, BadTimestamp, TooOld, TooNew, BadSignature, Replay];
        let labels =
            ["missing_header", "duplicate_header", "bad_timestamp", "too_old", "too_new", "bad_signature", "replay"];
        assert_eq!(reasons.map(InvalidSignature::label), labels);
    }
}
