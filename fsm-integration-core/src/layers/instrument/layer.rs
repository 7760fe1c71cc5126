use std::fmt::Display;

use tower::Layer;

use super::{InstrumentService, service::Subject};
use crate::clock::SystemClock;

/// Gives each call of an adapter a span and counts it.
///
/// ```
/// use fsm_integration_core::{error::Error, layers::instrument::InstrumentLayer};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let client = service_fn(|_: http::Request<()>| async { Ok::<_, Error>("done") });
/// let partner = ServiceBuilder::new()
///     .layer(InstrumentLayer::new("erp-invoices", "1.0.0"))
///     // What repeats, refuses and times out goes here.
///     .service(client);
/// assert_eq!(partner.oneshot(http::Request::new(())).await.unwrap(), "done");
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct InstrumentLayer<C = SystemClock> {
    subject: Subject,
    clock: C,
}

impl InstrumentLayer {
    /// Creates the layer of one adapter.
    #[must_use]
    pub fn new(adapter_id: &str, version: impl Display) -> Self {
        Self::with_clock(adapter_id, version, SystemClock)
    }
}

impl<C> InstrumentLayer<C> {
    /// Creates the layer with the clock that measures durations.
    pub fn with_clock(adapter_id: &str, version: impl Display, clock: C) -> Self {
        Self { subject: Subject::new(adapter_id, &version), clock }
    }
}

impl<S, C: Clone> Layer<S> for InstrumentLayer<C> {
    type Service = InstrumentService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        InstrumentService::new(inner, self.subject.clone(), self.clock.clone())
    }
}
