use std::fmt;

use crate::{
    error::{
        BodyTooLarge, BoxError, BulkheadFull, CircuitOpen, Classify, ErrorClass, ErrorKind, IdempotencyConflict,
        InvalidSignature, Overloaded, RateLimited, TimedOut,
    },
    layers::coalesce::ShareError,
};

/// An error type of a user's own, with one variant for each refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The inner service failed for good.
    #[error("planted by the probe")]
    Planted,
    /// The other side is unwell.
    #[error("planted by a test")]
    Transient,
    /// A circuit breaker refused.
    #[error(transparent)]
    CircuitOpen(#[from] CircuitOpen),
    /// A rate limiter refused.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// Time ran out.
    #[error(transparent)]
    TimedOut(#[from] TimedOut),
    /// A bulkhead refused.
    #[error(transparent)]
    BulkheadFull(#[from] BulkheadFull),
    /// The service behind was not ready.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// A body was too large to be sent.
    #[error(transparent)]
    BodyTooLarge(#[from] BodyTooLarge),
    /// An idempotency key stood in the way.
    #[error(transparent)]
    IdempotencyConflict(#[from] IdempotencyConflict),
    /// A signature did not hold.
    #[error(transparent)]
    InvalidSignature(#[from] InvalidSignature),
}

impl Classify for Failure {
    fn class(&self) -> ErrorClass {
        match self {
            Self::Planted | Self::InvalidSignature(_) | Self::BodyTooLarge(_) => ErrorClass::Permanent,
            Self::Transient => ErrorClass::Transient,
            Self::CircuitOpen(_) => ErrorClass::Open,
            Self::RateLimited(refusal) => ErrorKind::from(refusal).class(),
            Self::BulkheadFull(_) | Self::Overloaded(_) => ErrorClass::Throttled,
            Self::TimedOut(_) => ErrorClass::Timeout,
            Self::IdempotencyConflict(conflict) => ErrorKind::from(conflict).class(),
        }
    }
}

impl ShareError for Failure {
    fn share(&self) -> Self {
        *self
    }
}

/// An error type that the probe can recognise.
pub(super) trait Plant: fmt::Debug {
    fn planted() -> Self;
    fn is_planted(&self) -> bool;
}

impl Plant for Failure {
    fn planted() -> Self {
        Self::Planted
    }

    fn is_planted(&self) -> bool {
        *self == Self::Planted
    }
}

impl Plant for BoxError {
    fn planted() -> Self {
        Box::new(Failure::Planted)
    }

    fn is_planted(&self) -> bool {
        self.downcast_ref::<Failure>().is_some_and(Plant::is_planted)
    }
}
