use std::fmt::Display;

use tower::layer::util::Identity;

use super::OutboundConfig;
use crate::clock::SystemClock;
use crate::layers::{
    circuit_breaker::CircuitBreaker,
    instrument::InstrumentLayer,
    rate_limit::TokenBucket,
    retry::{RetryBudget, RetryStrategy},
};

/// What all calls to one partner share: give clones of it to every stack that calls the same host.
#[derive(Debug, Clone)]
pub struct Handles<I = Identity, G = Identity> {
    /// Spans and counts, under the adapter's name.
    pub instrument: InstrumentLayer,
    /// Does the work of one idempotency key once; [`Identity`] for none.
    pub idempotency: I,
    /// Repeats what may pass, with its budget.
    pub retry: RetryStrategy,
    /// Stops calling while the partner is unwell.
    pub breaker: CircuitBreaker,
    /// Keeps to the partner's pace.
    pub limiter: TokenBucket,
    /// Signs each attempt; [`Identity`] for none.
    pub sign: G,
}

impl Handles {
    /// Makes fresh handles: everything closed, full and unspent.
    #[must_use]
    pub fn new(adapter_id: &str, version: impl Display, config: &OutboundConfig) -> Self {
        let budget = RetryBudget::new(config.retry_budget);
        Self {
            instrument: InstrumentLayer::new(adapter_id, version),
            idempotency: Identity::new(),
            retry: RetryStrategy::new(config.retry).with_name(adapter_id).with_budget(budget),
            breaker: CircuitBreaker::new(adapter_id, config.circuit_breaker),
            limiter: TokenBucket::with_clock(adapter_id, config.rate_limit.quota(), SystemClock),
            sign: Identity::new(),
        }
    }
}

impl<I, G> Handles<I, G> {
    /// Puts an idempotency layer in.
    #[must_use]
    pub fn with_idempotency<L>(self, idempotency: L) -> Handles<L, G> {
        let Self { instrument, retry, breaker, limiter, sign, .. } = self;
        Handles { instrument, idempotency, retry, breaker, limiter, sign }
    }

    /// Puts a signing layer in.
    #[must_use]
    pub fn with_sign<L>(self, sign: L) -> Handles<I, L> {
        let Self { instrument, idempotency, retry, breaker, limiter, .. } = self;
        Handles { instrument, idempotency, retry, breaker, limiter, sign }
    }
}
