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
/// // The client answers a 503 as `Ok`; without `judge_by` errors alone are failures.
/// let service = ServiceBuilder::new().layer(RetryLayer::new(strategy).judge_by(OnStatus)).service(client);
/// # fn is_service<S: tower::Service<http::Request<()>>>(_: S) {} is_service(service);
/// ```
pub struct RetryLayer<C = SystemClock, J = OnError, K = Counted> {
    retry: Retry<C, J>,
    lending: PhantomData<K>,
}

impl<C> RetryLayer<C> {
    /// Creates a layer; services made from clones of one strategy share its budget.
    pub const fn new(strategy: RetryStrategy<C>) -> Self {
        Self::of(Retry { strategy, judge: OnError })
    }
}

impl<C, J, K> RetryLayer<C, J, K> {
    const fn of(retry: Retry<C, J>) -> Self {
        Self { retry, lending: PhantomData }
    }

    /// Decides by this [`Judge`](super::Judge) which outcomes are failures, instead of by [`OnError`].
    #[must_use]
    pub fn judge_by<N>(self, judge: N) -> RetryLayer<C, N, K> {
        RetryLayer::of(Retry { strategy: self.retry.strategy, judge })
    }

    /// Keeps what calls share for the rest of the program's life, so that they count no references to it.
    ///
    /// Each service that the layer wraps leaves a clone of the strategy and of the inner service behind: for stacks
    /// that are built once.
    #[must_use]
    pub fn leak(self) -> RetryLayer<C, J, Leaked> {
        RetryLayer::of(self.retry)
    }
}

impl<S, C, J, K> Layer<S> for RetryLayer<C, J, K>
where
    S: Clone,
    C: Clone,
    J: Clone,
    K: Lending<Kept<S, Retry<C, J>>>,
{
    type Service = RetryService<S, C, J, K>;

    fn layer(&self, inner: S) -> Self::Service {
        RetryService::of(inner, self.retry.clone())
    }
}

impl<C: Clone, J: Clone, K> Clone for RetryLayer<C, J, K> {
    fn clone(&self) -> Self {
        Self::of(self.retry.clone())
    }
}

impl<C, J: fmt::Debug, K> fmt::Debug for RetryLayer<C, J, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Retry { strategy, judge } = &self.retry;
        f.debug_struct("RetryLayer").field("strategy", strategy).field("judge", judge).finish()
    }
}
