use tower::Layer;

use super::{RetryService, RetryStrategy};
use crate::clock::SystemClock;

/// Installs a [`RetryStrategy`] around a service.
#[derive(Debug, Clone)]
pub struct RetryLayer<C = SystemClock> {
    strategy: RetryStrategy<C>,
}

impl<C> RetryLayer<C> {
    /// Creates a layer; services made from clones of one strategy share its budget.
    pub const fn new(strategy: RetryStrategy<C>) -> Self {
        Self { strategy }
    }
}

impl<S, C: Clone> Layer<S> for RetryLayer<C> {
    type Service = RetryService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        RetryService::new(inner, self.strategy.clone())
    }
}
