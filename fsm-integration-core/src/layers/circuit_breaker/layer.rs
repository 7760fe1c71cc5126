use tower::Layer;

use super::{CircuitBreaker, CircuitBreakerService};
use crate::clock::{Clock, SystemClock};

/// Puts a [`CircuitBreaker`] before a service; layers of one breaker's clones share its state.
#[derive(Debug, Clone)]
pub struct CircuitBreakerLayer<C: Clock = SystemClock> {
    breaker: CircuitBreaker<C>,
}

impl<C: Clock> CircuitBreakerLayer<C> {
    /// Installs the breaker.
    #[must_use]
    pub fn new(breaker: CircuitBreaker<C>) -> Self {
        Self { breaker }
    }
}

impl<S, C: Clock> Layer<S> for CircuitBreakerLayer<C> {
    type Service = CircuitBreakerService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        CircuitBreakerService::new(inner, self.breaker.clone())
    }
}
