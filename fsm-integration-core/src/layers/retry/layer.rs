use std::{fmt, marker::PhantomData};

use tower::Layer;

use super::{OnError, RetryService, RetryStrategy, service::Retry};
use crate::{
    clock::SystemClock,
    lending::{Counted, Leaked, Lending},
    repeat::Kept,
};

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
pub struct RetryLayer<C = SystemClock, R = OnError, K = Counted> {
    retry: Retry<C, R>,
    lending: PhantomData<K>,
}

impl<C> RetryLayer<C> {
    /// Creates a layer; services made from clones of one strategy share its budget.
    pub const fn new(strategy: RetryStrategy<C>) -> Self {
        Self::of(Retry { strategy, retry_on: OnError })
    }
}

impl<C, R, K> RetryLayer<C, R, K> {
    const fn of(retry: Retry<C, R>) -> Self {
        Self { retry, lending: PhantomData }
    }

    /// Decides by a [`RetryOn`](super::RetryOn) which outcomes are failures, instead of by [`OnError`].
    #[must_use]
    pub fn retry_on<N>(self, retry_on: N) -> RetryLayer<C, N, K> {
        RetryLayer::of(Retry { strategy: self.retry.strategy, retry_on })
    }

    /// Keeps what calls share for the rest of the program's life, so that they count no references to it.
    ///
    /// Each service that the layer wraps leaves a clone of the strategy and of the inner service behind: for stacks
    /// that are built once.
    #[must_use]
    pub fn leak(self) -> RetryLayer<C, R, Leaked> {
        RetryLayer::of(self.retry)
    }
}

impl<S, C, R, K> Layer<S> for RetryLayer<C, R, K>
where
    S: Clone,
    C: Clone,
    R: Clone,
    K: Lending<Kept<S, Retry<C, R>>>,
{
    type Service = RetryService<S, C, R, K>;

    fn layer(&self, inner: S) -> Self::Service {
        RetryService::of(inner, self.retry.clone())
    }
}

impl<C: Clone, R: Clone, K> Clone for RetryLayer<C, R, K> {
    fn clone(&self) -> Self {
        Self::of(self.retry.clone())
    }
}

impl<C, R: fmt::Debug, K> fmt::Debug for RetryLayer<C, R, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Retry { strategy, retry_on } = &self.retry;
        f.debug_struct("RetryLayer").field("strategy", strategy).field("retry_on", retry_on).finish()
    }
}
