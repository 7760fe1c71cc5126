use std::{fmt, time::Duration};

use crate::error::{
    BodyTooLarge, BulkheadFull, CircuitOpen, Classify, ErrorClass, IdempotencyConflict, InvalidSignature, Overloaded,
    RateLimited, TimedOut,
};

/// The error of a service under layers whose refusals are answered: its own, or a refusal.
///
/// It takes every refusal that `R` takes: one of them, or all of them if `R` is [`Error`](crate::error::Error).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrRefusal<E, R> {
    /// The service's own.
    Error(E),
    /// A layer's.
    Refusal(R),
}

macro_rules! takes {
    ($($refusal:ty),*) => {$(
        impl<E, R: From<$refusal>> From<$refusal> for OrRefusal<E, R> {
            fn from(refusal: $refusal) -> Self {
                Self::Refusal(refusal.into())
            }
        }
    )*};
}

takes!(
    BodyTooLarge,
    BulkheadFull,
    CircuitOpen,
    IdempotencyConflict,
    InvalidSignature,
    Overloaded,
    RateLimited,
    TimedOut
);

impl<E: Classify, R: Classify> Classify for OrRefusal<E, R> {
    fn class(&self) -> ErrorClass {
        match self {
            Self::Error(error) => error.class(),
            Self::Refusal(refusal) => refusal.class(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Error(error) => error.retry_after(),
            Self::Refusal(refusal) => refusal.retry_after(),
        }
    }
}

impl<E: fmt::Display, R: fmt::Display> fmt::Display for OrRefusal<E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Refusal(refusal) => refusal.fmt(f),
        }
    }
}

impl<E: std::error::Error, R: std::error::Error> std::error::Error for OrRefusal<E, R> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Error(error) => error.source(),
            Self::Refusal(refusal) => refusal.source(),
        }
    }
}
