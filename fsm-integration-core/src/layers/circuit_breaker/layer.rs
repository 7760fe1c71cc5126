use tower::Layer;

use super::{CircuitBreaker, CircuitBreakerService};
use crate::clock::{Clock, SystemClock};

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
