use tower::Layer;

use super::{AdaptiveConcurrency, AdaptiveConcurrencyService};
use crate::{
    clock::{Clock, SystemClock},
    error::{BulkheadFull, OnError},
    respond::RespondLayer,
};

/// Puts an [`AdaptiveConcurrency`] before a service; layers of one handle's clones share its limit.
///
/// ```
/// use fsm_integration_core::{error::BoxError, layers::adaptive_concurrency::{
///     AdaptiveConcurrency, AdaptiveConcurrencyConfig, AdaptiveConcurrencyLayer, AimdConfig, LimitAlgorithm,
/// }};
/// use tower::{Layer, ServiceExt};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let algorithm = LimitAlgorithm::Aimd(AimdConfig::default());
/// let concurrency = AdaptiveConcurrency::new(AdaptiveConcurrencyConfig { algorithm, ..Default::default() });
/// let client = tower::service_fn(|_: ()| async { Ok::<_, BoxError>("done") });
/// let client = AdaptiveConcurrencyLayer::new(concurrency.clone()).layer(client);
/// assert_eq!(client.oneshot(()).await.unwrap(), "done");
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct AdaptiveConcurrencyLayer<C: Clock = SystemClock, J = OnError> {
    concurrency: AdaptiveConcurrency<C>,
    judge: J,
}

impl<C: Clock> AdaptiveConcurrencyLayer<C> {
    /// Installs the limit.
    #[must_use]
    pub const fn new(concurrency: AdaptiveConcurrency<C>) -> Self {
        Self { concurrency, judge: OnError }
    }

    /// Answers a refusal instead of failing, where the service cannot fail; comes last.
    pub fn respond_with<F, Response>(self, answer: F) -> RespondLayer<Self, BulkheadFull, F>
    where
        F: Fn(BulkheadFull) -> Response,
    {
        RespondLayer::new(self, answer)
    }
}

impl<C: Clock, J> AdaptiveConcurrencyLayer<C, J> {
    /// Decides by this [`Judge`](crate::error::Judge) which outcomes are failures, instead of by [`OnError`].
    #[must_use]
    pub fn judge_by<N>(self, judge: N) -> AdaptiveConcurrencyLayer<C, N> {
        AdaptiveConcurrencyLayer { concurrency: self.concurrency, judge }
    }
}

impl<S, C: Clock, J: Clone> Layer<S> for AdaptiveConcurrencyLayer<C, J> {
    type Service = AdaptiveConcurrencyService<S, C, J>;

    fn layer(&self, inner: S) -> Self::Service {
        AdaptiveConcurrencyService::of(inner, self.concurrency.clone(), self.judge.clone())
    }
}
