use std::time::Duration;

use crate::error::RateLimited;

/// What a limiter says about one call (flaw F-T7: never a bare yes or no).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a decision that nobody looks at limits nothing"]
pub struct Decision {
    /// Whether the call may be made.
    pub allowed: bool,
    /// The limit that callers are told.
    pub limit: u32,
    /// Calls that could be made at once after this one.
    pub remaining: u32,
    /// How long until the same call would be allowed; absent when it is, or never will be.
    pub retry_after: Option<Duration>,
    /// How long until the bucket is full.
    pub reset_after: Duration,
}

impl Decision {
    /// The refusal, if it is one.
    ///
    /// # Errors
    /// [`RateLimited`] when the call may not be made.
    pub const fn into_result(self) -> Result<(), RateLimited> {
        if self.allowed { Ok(()) } else { Err(RateLimited { retry_after: self.retry_after }) }
    }

    /// A look at a bucket, as one who was served or refused is told of it.
    pub(super) const fn of(self, result: Result<(), RateLimited>) -> Self {
        let (allowed, retry_after) = match result {
            Ok(()) => (true, None),
            Err(refusal) => (false, refusal.retry_after),
        };
        Self { allowed, retry_after, ..self }
    }

    /// As a limit that is tried out tells it: nobody is asked to come back later.
    pub(super) const fn tried_out(self) -> Self {
        Self { retry_after: None, ..self }
    }
}
