use tower::Layer;

use super::{AdaptiveConcurrency, AdaptiveConcurrencyService};
use crate::{
    clock::{Clock, SystemClock},
    error::BulkheadFull,
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
pub struct AdaptiveConcurrencyLayer<C: Clock = SystemClock> {
    concurrency: AdaptiveConcurrency<C>,
}

impl<C: Clock> AdaptiveConcurrencyLayer<C> {
    /// Installs the limit.
    #[must_use]
    pub const fn new(concurrency: AdaptiveConcurrency<C>) -> Self {
        Self { concurrency }
    }

    /// Answers a refusal instead of failing, where the service cannot fail; comes last.
    pub fn respond_with<F, Response>(self, answer: F) -> RespondLayer<Self, BulkheadFull, F>
    where
        F: Fn(BulkheadFull) -> Response,
    {
        RespondLayer::new(self, answer)
    }
}

impl<S, C: Clock> Layer<S> for AdaptiveConcurrencyLayer<C> {
    type Service = AdaptiveConcurrencyService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        AdaptiveConcurrencyService::new(inner, self.concurrency.clone())
    }
}
