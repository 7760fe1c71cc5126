use std::fmt::Display;

use tower::layer::util::Identity;

use super::OutboundConfig;
use crate::{
    clock::{Clock, SystemClock},
    layers::{
        circuit_breaker::CircuitBreaker,
        instrument::InstrumentLayer,
        rate_limit::TokenBucket,
        retry::{RetryBudget, RetryStrategy},
    },
};

/// What all calls to one partner share: give clones of it to every stack that calls the same host.
///
/// ```
/// use fsm_integration_core::{
///     error::{Error, ErrorKind},
///     layers::circuit_breaker::CircuitState,
///     profile::{Handles, Profile, stack},
/// };
/// use tower::{ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let config = Profile::SalesSystem.config();
/// let handles = Handles::new("pyxis", "1.0.0", &config);
/// let down = service_fn(|_: http::Request<()>| async { Err::<(), _>(Error::from(ErrorKind::Unavailable)) });
/// let (orders, stock) = (stack(&config, &handles, down), stack(&config, &handles, down));
///
/// // Four failed attempts of the one and one of the other make the five that open the breaker of both.
/// assert!(orders.oneshot(http::Request::new(())).await.is_err());
/// assert!(stock.oneshot(http::Request::new(())).await.is_err());
/// assert_eq!(handles.breaker.state(), CircuitState::Open);
/// // An operator has a hand on it.
/// handles.breaker.reset();
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Handles<I = Identity, G = Identity, C: Clock = SystemClock> {
    /// Spans and counts, under the adapter's name.
    pub instrument: InstrumentLayer<C>,
    /// Does the work of one idempotency key once; [`Identity`] for none.
    pub idempotency: I,
    /// Repeats what may pass, with its budget.
    pub retry: RetryStrategy<C>,
    /// Stops calling while the partner is unwell.
    pub breaker: CircuitBreaker<C>,
    /// Keeps to the partner's pace.
    pub limiter: TokenBucket<C>,
    /// Signs each attempt; [`Identity`] for none.
    pub sign: G,
}

impl Handles {
    /// Makes fresh handles: everything closed, full and unspent.
    #[must_use]
    pub fn new(adapter_id: &str, version: impl Display, config: &OutboundConfig) -> Self {
        Self::with_clock(adapter_id, version, config, SystemClock)
    }
}

impl<C: Clock> Handles<Identity, Identity, C> {
    /// As [`new`](Handles::new), with the clock that everything is timed by.
    ///
    /// [`CoarseClock`](crate::clock::CoarseClock) makes a call several times cheaper, and durations as coarse as a tick.
    #[must_use]
    pub fn with_clock(adapter_id: &str, version: impl Display, config: &OutboundConfig, clock: C) -> Self {
        let budget = RetryBudget::with_clock(config.retry_budget, clock.clone());
        Self {
            instrument: InstrumentLayer::with_clock(adapter_id, version, clock.clone()),
            idempotency: Identity::new(),
            retry: RetryStrategy::with_clock(config.retry, clock.clone()).with_name(adapter_id).with_budget(budget),
            breaker: CircuitBreaker::with_clock(adapter_id, config.circuit_breaker, clock.clone()),
            limiter: TokenBucket::with_clock(adapter_id, config.rate_limit.quota(), clock),
            sign: Identity::new(),
        }
    }
}

impl<I, G, C: Clock> Handles<I, G, C> {
    /// Puts an idempotency layer in.
    #[must_use]
    pub fn with_idempotency<L>(self, idempotency: L) -> Handles<L, G, C> {
        let Self { instrument, retry, breaker, limiter, sign, .. } = self;
        Handles { instrument, idempotency, retry, breaker, limiter, sign }
    }

    /// Puts a signing layer in.
    #[must_use]
    pub fn with_sign<L>(self, sign: L) -> Handles<I, L, C> {
        let Self { instrument, idempotency, retry, breaker, limiter, .. } = self;
        Handles { instrument, idempotency, retry, breaker, limiter, sign }
    }
}
