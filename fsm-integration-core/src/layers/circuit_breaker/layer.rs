use std::fmt;

use tower::Layer;

use super::{CircuitBreaker, CircuitBreakerService};
use crate::{
    clock::{Clock, SystemClock},
    lending::{Counted, Leaked, Lender, Lending},
};

/// Puts a [`CircuitBreaker`] before a service; layers of one breaker's clones share its state.
///
/// Inside a retry, so that each attempt counts; outside the timeout of an attempt, so that a call that hangs counts.
///
/// ```
/// use fsm_integration_core::{
///     error::{Error, ErrorKind},
///     layers::circuit_breaker::{CircuitBreaker, CircuitBreakerConfig, CircuitBreakerLayer},
/// };
/// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let breaker = CircuitBreaker::new("erp", CircuitBreakerConfig { failure_threshold: 1, ..Default::default() });
/// let erp = service_fn(async |()| Err::<(), _>(Error::new(ErrorKind::Timeout, "no answer")));
/// let mut erp = ServiceBuilder::new().layer(CircuitBreakerLayer::new(breaker)).service(erp);
///
/// assert_eq!(erp.ready().await.unwrap().call(()).await.unwrap_err().kind(), ErrorKind::Timeout);
/// assert_eq!(erp.ready().await.unwrap().call(()).await.unwrap_err().kind(), ErrorKind::CircuitOpen);
/// # }
/// ```
pub struct CircuitBreakerLayer<C: Clock = SystemClock, K: Lending<CircuitBreaker<C>> = Counted> {
    breaker: K::Lender,
}

impl<C: Clock> CircuitBreakerLayer<C> {
    /// Installs the breaker.
    #[must_use]
    pub fn new(breaker: CircuitBreaker<C>) -> Self {
        Self { breaker: Lender::new(breaker) }
    }

    /// Keeps the breaker for the rest of the program's life, so that its calls count no references to it.
    ///
    /// Saves about a quarter of what a call costs. A breaker that is made once for a partner is kept anyway; one that comes and goes with
    /// a tenant would stay in memory.
    #[must_use]
    pub fn leak(self) -> CircuitBreakerLayer<C, Leaked>
    where
        C: 'static,
    {
        CircuitBreakerLayer { breaker: Lender::new(self.breaker.get().clone()) }
    }
}

impl<S, C: Clock, K: Lending<CircuitBreaker<C>>> Layer<S> for CircuitBreakerLayer<C, K> {
    type Service = CircuitBreakerService<S, C, K>;

    fn layer(&self, inner: S) -> Self::Service {
        CircuitBreakerService::of(inner, self.breaker.anew())
    }
}

impl<C: Clock, K: Lending<CircuitBreaker<C>>> Clone for CircuitBreakerLayer<C, K> {
    fn clone(&self) -> Self {
        Self { breaker: self.breaker.clone() }
    }
}

impl<C: Clock, K: Lending<CircuitBreaker<C>>> fmt::Debug for CircuitBreakerLayer<C, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerLayer").field("breaker", self.breaker.get()).finish()
    }
}
