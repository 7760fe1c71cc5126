use tower::Layer;

use super::{Hedge, HedgeService, service::Hedging};
use crate::{clock::SystemClock, error::OnError};

/// Installs a [`Hedge`] around a service.
///
/// ```
/// use fsm_integration_core::layers::{
///     hedge::{Hedge, HedgeConfig, HedgeLayer},
///     retry::{RetryBudget, RetryBudgetConfig, RetryConfig, RetryLayer, RetryStrategy},
/// };
/// use tower::ServiceBuilder;
///
/// // One budget for whatever is sent more than once.
/// let budget = RetryBudget::new(RetryBudgetConfig::default());
/// let retry = RetryStrategy::new(RetryConfig::default()).with_budget(budget.clone());
/// let hedge = Hedge::new(HedgeConfig::default()).drawing_on(budget);
/// # use fsm_integration_core::error::BoxError;
/// # let client = tower::service_fn(|_: http::Request<()>| async { Ok::<_, BoxError>(()) });
/// let service = ServiceBuilder::new().layer(RetryLayer::new(retry)).layer(HedgeLayer::new(hedge)).service(client);
/// # fn is_service<S: tower::Service<http::Request<()>>>(_: S) {} is_service(service);
/// ```
#[derive(Debug, Clone)]
pub struct HedgeLayer<C = SystemClock, J = OnError> {
    hedging: Hedging<C, J>,
}

impl<C> HedgeLayer<C> {
    /// Creates a layer; services made from clones of one hedge share what they measured and the budget.
    pub const fn new(hedge: Hedge<C>) -> Self {
        Self { hedging: Hedging { hedge, judge: OnError } }
    }
}

impl<C, J> HedgeLayer<C, J> {
    /// Decides by this [`Judge`](crate::error::Judge) which outcomes are failures, instead of by [`OnError`].
    ///
    /// An answer that is one does not win while another request is under way.
    #[must_use]
    pub fn judge_by<N>(self, judge: N) -> HedgeLayer<C, N> {
        HedgeLayer { hedging: Hedging { hedge: self.hedging.hedge, judge } }
    }
}

impl<S: Clone, C: Clone, J: Clone> Layer<S> for HedgeLayer<C, J> {
    type Service = HedgeService<S, C, J>;

    fn layer(&self, inner: S) -> Self::Service {
        HedgeService::of(inner, self.hedging.clone())
    }
}
