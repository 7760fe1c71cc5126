use std::{convert::Infallible, time::Duration};

use super::{Classify, Error, ErrorClass, ErrorKind};

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

/// A body is too large to be sent; the call was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body of {bytes} bytes is larger than {limit} bytes")]
pub struct BodyTooLarge {
    /// How large it is.
    pub bytes: usize,
    /// How large it may be.
    pub limit: usize,
}

/// A request whose idempotency key cannot be used; says what is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidIdempotencyKey {
    /// The tenant or the operation has characters that a key cannot hold.
    #[error("the tenant and the operation of an idempotency key match ^[a-z0-9][a-z0-9._-]{{0,63}}$")]
    Scope,
    /// The client's key is empty, too long or unprintable.
    #[error("an idempotency key has 1 to 255 printable ASCII characters")]
    Key,
    /// The header is there twice, or two headers disagree.
    #[error("send one idempotency key")]
    Ambiguous,
    /// There is none, where one is demanded.
    #[error("send an idempotency key")]
    Missing,
}

/// An idempotency key stands in the way of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdempotencyConflict {
    /// The request's key cannot be used; the call was not made.
    #[error(transparent)]
    InvalidKey(#[from] InvalidIdempotencyKey),
    /// The key is known with another payload.
    #[error("the idempotency key is known with another payload")]
    Mismatch,
    /// The first call under the key is still under way after the bounded wait.
    #[error("the first call under this idempotency key is still under way")]
    InProgress {
        /// When to ask again.
        retry_after: Duration,
    },
    /// The lease was lost while the work was under way: another owner may have done it too. Not to be tried again.
    #[error("the lease on the idempotency key was lost; the outcome is not known")]
    LostLease,
    /// The store could not be asked; the call was not made (writes fail closed, requirement I14).
    #[error("the idempotency store is unavailable")]
    StoreUnavailable,
    /// The work is done, but its outcome could not be stored: whoever asks again may do it again, so nobody should.
    #[error("the work under this idempotency key is done, but its outcome could not be stored")]
    OutcomeUnknown,
    /// The work is done, but its stored outcome is of another form than the one that is asked for.
    #[error("the work under this idempotency key is done, but its stored outcome cannot be read")]
    OutcomeUnreadable,
}

impl IdempotencyConflict {
    /// The reason as one stable lower-case word, for metric labels.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::InvalidKey(_) => "invalid_key",
            Self::Mismatch => "mismatch",
            Self::InProgress { .. } => "in_progress",
            Self::LostLease => "lost_lease",
            Self::StoreUnavailable => "store_unavailable",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::OutcomeUnreadable => "outcome_unreadable",
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

/// Why a target is refused; the same call will be refused again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum TargetRefused {
    /// It is no absolute URL.
    #[error("the target is no absolute URL in ASCII (a host name in another script is written in punycode)")]
    NotAUrl,
    /// The scheme is not one of those allowed.
    #[error("the target's scheme is not allowed; use https")]
    Scheme,
    /// A user or a password stands in the URL.
    #[error("the target's URL holds credentials; configure them as secrets")]
    Credentials,
    /// The port is not one of those allowed.
    #[error("the target's port is not allowed")]
    Port,
    /// The address is loopback, private, link-local or otherwise not public.
    #[error("the target's address is not public; add its range to the allow list if it is meant")]
    Address,
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

impl From<BodyTooLarge> for Error {
    fn from(refusal: BodyTooLarge) -> Self {
        Self::new(ErrorKind::PayloadTooLarge, refusal.to_string())
    }
}

impl From<&IdempotencyConflict> for ErrorKind {
    fn from(conflict: &IdempotencyConflict) -> Self {
        match conflict {
            IdempotencyConflict::InvalidKey(_) => Self::MalformedRequest,
            IdempotencyConflict::Mismatch => Self::DuplicateOrder,
            IdempotencyConflict::InProgress { .. } => Self::InProgress,
            IdempotencyConflict::LostLease
            | IdempotencyConflict::OutcomeUnknown
            | IdempotencyConflict::OutcomeUnreadable => Self::OutcomeUnknown,
            IdempotencyConflict::StoreUnavailable => Self::Unavailable,
        }
    }
}

impl From<InvalidIdempotencyKey> for Error {
    fn from(invalid: InvalidIdempotencyKey) -> Self {
        IdempotencyConflict::from(invalid).into()
    }
}

impl From<IdempotencyConflict> for Error {
    fn from(conflict: IdempotencyConflict) -> Self {
        Self::new(ErrorKind::from(&conflict), conflict.to_string()).with_retry_after(conflict.retry_after())
    }
}

/// One body for every reason: a caller learns nothing from which check failed.
impl From<InvalidSignature> for Error {
    fn from(reason: InvalidSignature) -> Self {
        Self::new(ErrorKind::Unauthorized, "the webhook signature is not valid").with_source(reason)
    }
}

impl Classify for CircuitOpen {
    fn class(&self) -> ErrorClass {
        ErrorClass::Open
    }

    fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    fn is_local(&self) -> bool {
        true
    }
}

impl Classify for RateLimited {
    fn class(&self) -> ErrorClass {
        ErrorKind::from(self).class()
    }

    fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    fn is_local(&self) -> bool {
        true
    }
}

impl Classify for TimedOut {
    fn class(&self) -> ErrorClass {
        ErrorClass::Timeout
    }
}

impl Classify for BulkheadFull {
    fn class(&self) -> ErrorClass {
        ErrorClass::Throttled
    }

    fn is_local(&self) -> bool {
        true
    }
}

impl Classify for Overloaded {
    fn class(&self) -> ErrorClass {
        ErrorClass::Throttled
    }

    fn is_local(&self) -> bool {
        true
    }
}

impl Classify for BodyTooLarge {
    fn class(&self) -> ErrorClass {
        ErrorKind::PayloadTooLarge.class()
    }
}

impl Classify for IdempotencyConflict {
    fn class(&self) -> ErrorClass {
        ErrorKind::from(self).class()
    }

    fn retry_after(&self) -> Option<Duration> {
        match *self {
            Self::InProgress { retry_after } => Some(retry_after),
            _ => None,
        }
    }

    /// Only who is at work already asks to wait.
    fn is_local(&self) -> bool {
        matches!(self, Self::InProgress { .. })
    }
}

impl Classify for InvalidSignature {
    fn class(&self) -> ErrorClass {
        ErrorKind::Unauthorized.class()
    }
}

/// Of a service that cannot fail.
impl Classify for Infallible {
    fn class(&self) -> ErrorClass {
        match *self {}
    }
}

impl From<TargetRefused> for Error {
    fn from(refusal: TargetRefused) -> Self {
        Self::new(ErrorKind::Forbidden, refusal.to_string()).with_source(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_label() {
        use IdempotencyConflict::{InProgress, InvalidKey, LostLease, Mismatch, StoreUnavailable};
        use IdempotencyConflict::{OutcomeUnknown, OutcomeUnreadable};
        let (invalid, in_progress) =
            (InvalidKey(InvalidIdempotencyKey::Missing), InProgress { retry_after: Duration::ZERO });
        let labels = [
            (invalid, "invalid_key"),
            (Mismatch, "mismatch"),
            (in_progress, "in_progress"),
            (LostLease, "lost_lease"),
            (StoreUnavailable, "store_unavailable"),
            (OutcomeUnknown, "outcome_unknown"),
            (OutcomeUnreadable, "outcome_unreadable"),
        ];
        for (conflict, label) in labels {
            assert_eq!(conflict.label(), label);
        }

        use InvalidSignature::{BadSignature, BadTimestamp, DuplicateHeader, MissingHeader, Replay, TooNew, TooOld};
        let reasons = [MissingHeader, DuplicateHeader, BadTimestamp, TooOld, TooNew, BadSignature, Replay];
        let labels =
            ["missing_header", "duplicate_header", "bad_timestamp", "too_old", "too_new", "bad_signature", "replay"];
        assert_eq!(reasons.map(InvalidSignature::label), labels);
    }

    #[test]
    fn i14_what_may_be_done_is_never_a_plain_failure() {
        use IdempotencyConflict::{LostLease, OutcomeUnknown, OutcomeUnreadable};
        for conflict in [LostLease, OutcomeUnknown, OutcomeUnreadable] {
            let error = Error::from(conflict);
            assert_eq!((error.kind(), error.kind().status()), (ErrorKind::OutcomeUnknown, 500), "{conflict:?}");
            let class = error.kind().class();
            assert!(!class.is_retryable() && !class.trips_breaker() && class.is_final(), "{conflict:?}");
        }
    }
}
