use tower::Layer;

use super::{Bulkhead, BulkheadService};
use crate::{error::BulkheadFull, respond::RespondLayer};

/// Puts a [`Bulkhead`] before a service; layers of one bulkhead's clones share its places.
///
/// ```
/// use fsm_integration_core::{error::Error, layers::bulkhead::{Bulkhead, BulkheadLayer}};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// // One call at a time, and nobody waits.
/// let bulkhead = Bulkhead::new(1, 0).with_name("erp");
/// let partner = service_fn(|_: &str| async { Ok::<_, Error>("done") });
/// let service = BulkheadLayer::new(bulkhead.clone()).layer(partner);
/// assert_eq!(service.clone().oneshot("first").await.unwrap(), "done");
///
/// let _another = bulkhead.acquire().await.unwrap();
/// assert!(service.oneshot("second").await.is_err());
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct BulkheadLayer {
    bulkhead: Bulkhead,
}

impl BulkheadLayer {
    /// Installs the bulkhead.
    #[must_use]
    pub fn new(bulkhead: Bulkhead) -> Self {
        Self { bulkhead }
    }

    /// Answers a refusal instead of failing, where the service cannot fail; comes last.
    pub fn respond_with<F, Response>(self, answer: F) -> RespondLayer<Self, BulkheadFull, F>
    where
        F: Fn(BulkheadFull) -> Response,
    {
        RespondLayer::new(self, answer)
    }
}

impl<S> Layer<S> for BulkheadLayer {
    type Service = BulkheadService<S>;

    fn layer(&self, inner: S) -> BulkheadService<S> {
        BulkheadService::new(inner, self.bulkhead.clone())
    }
}
