use std::{fmt, sync::Arc, time::Duration};

use http::HeaderMap;

use crate::{
    clock::{SystemClock, WallClock},
    layers::rate_limit::{Decision, headers},
};

/// What callers are told of a limit, besides how they stand; a clone shares it.
#[derive(Clone)]
pub struct RateLimitPolicy(Arc<Inner>);

struct Inner {
    name: Box<str>,
    window: Duration,
    clock: Arc<dyn WallClock>,
}

impl RateLimitPolicy {
    /// A policy of this name, whose limit is of so long a time: the quota's [`period`](crate::layers::rate_limit::Quota::period).
    #[must_use]
    pub fn new(name: &str, window: Duration) -> Self {
        Self::with_clock(name, window, Arc::new(SystemClock))
    }

    /// As [`new`](Self::new), with this clock for the second of the epoch at which the bucket is full.
    #[must_use]
    pub fn with_clock(name: &str, window: Duration, clock: Arc<dyn WallClock>) -> Self {
        Self(Arc::new(Inner { name: name.into(), window, clock }))
    }

    /// The name, as a refusal's body tells it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Writes the [`headers`] of the decision, in place of any that the answer had.
    pub fn write(&self, decision: &Decision, answer: &mut HeaderMap) {
        let Inner { name, window, clock } = &*self.0;
        for (name, value) in headers(decision, name, *window, clock.timestamp()) {
            answer.insert(name, value);
        }
    }
}

impl fmt::Debug for RateLimitPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { name, window, .. } = &*self.0;
        f.debug_struct("RateLimitPolicy").field("name", name).field("window", window).finish_non_exhaustive()
    }
}
