use tower::Layer;

use super::{Bulkhead, BulkheadService};
use crate::{error::BulkheadFull, respond::RespondLayer};

/// Puts a [`Bulkhead`] before a service; layers of one bulkhead's clones share its places.
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
