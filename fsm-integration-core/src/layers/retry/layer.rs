use tower::Layer;

use super::{OnError, RetryService, RetryStrategy};
use crate::clock::SystemClock;

/// Installs a [`RetryStrategy`] around a service.
///
/// ```
/// use fsm_integration_core::layers::retry::{OnStatus, RetryConfig, RetryLayer, RetryStrategy};
/// use tower::ServiceBuilder;
///
/// let strategy = RetryStrategy::new(RetryConfig::default()).with_name("erp");
/// # use fsm_integration_core::error::BoxError;
/// # let client = tower::service_fn(|_: http::Request<()>| async { Ok::<_, BoxError>(http::Response::new(())) });
/// // The client answers a 503 as `Ok`; without `retry_on` errors alone are failures.
/// let service = ServiceBuilder::new().layer(RetryLayer::new(strategy).retry_on(OnStatus)).service(client);
/// # fn is_service<S: tower::Service<http::Request<()>>>(_: S) {} is_service(service);
/// ```
#[derive(Debug, Clone)]
pub struct RetryLayer<C = SystemClock, R = OnError> {
    strategy: RetryStrategy<C>,
    retry_on: R,
}

impl<C> RetryLayer<C> {
    /// Creates a layer; services made from clones of one strategy share its budget.
    pub const fn new(strategy: RetryStrategy<C>) -> Self {
        Self { strategy, retry_on: OnError }
    }
}

impl<C, R> RetryLayer<C, R> {
    /// Decides by a [`RetryOn`](super::RetryOn) which outcomes are failures, instead of by [`OnError`].
    #[must_use]
    pub fn retry_on<N>(self, retry_on: N) -> RetryLayer<C, N> {
        RetryLayer { strategy: self.strategy, retry_on }
    }
}

impl<S: Clone, C: Clone, R: Clone> Layer<S> for RetryLayer<C, R> {
    type Service = RetryService<S, C, R>;

    fn layer(&self, inner: S) -> Self::Service {
        RetryService::new(inner, self.strategy.clone(), self.retry_on.clone())
    }
}
