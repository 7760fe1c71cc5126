use std::{
    fmt::Display,
    sync::Arc,
    task::{Context, Poll},
};

use tower::Service;
use tracing::{Span, field::Empty};

use super::{HasContext, InstrumentFuture, future::Recorder, series::Series};
use crate::{
    adapter::IntegrationContext,
    clock::{Clock, SystemClock},
    error::Classify,
    lending::{Lender, Lent},
};

/// Whose calls are seen; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    adapter_id: Arc<str>,
    version: Arc<str>,
    pub(super) series: Arc<Series>,
}

impl Subject {
    pub(super) fn new(adapter_id: &str, version: &dyn Display) -> Self {
        let version = version.to_string().into();
        Self { adapter_id: adapter_id.into(), version, series: Arc::new(Series::new(adapter_id)) }
    }

    /// The span of one call; what the request carries stays out of it, save who calls and why.
    fn span(&self, context: Option<&IntegrationContext>) -> Span {
        tracing::info_span!(
            "integration.execute",
            adapter.id = &*self.adapter_id,
            adapter.version = &*self.version,
            correlation.id = context.map(|context| context.correlation_id.as_str()),
            tenant.id = context.map(|context| context.tenant.as_str()),
            status = Empty,
            otel.status_code = Empty,
            error.r#type = Empty,
        )
    }
}

/// Sees each call from its beginning to its end, however it ends.
#[derive(Debug, Clone)]
pub struct InstrumentService<S, C = SystemClock> {
    inner: S,
    subject: Lent<Subject>,
    clock: C,
}

impl<S, C> InstrumentService<S, C> {
    pub(super) fn new(inner: S, subject: Subject, clock: C) -> Self {
        Self { inner, subject: Lent::new(subject), clock }
    }
}

impl<S, Req, C> Service<Req> for InstrumentService<S, C>
where
    S: Service<Req, Error: Classify>,
    Req: HasContext,
    C: Clock,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = InstrumentFuture<S::Future, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let span = self.subject.get().span(request.context());
        // Made before the call, so that a panic in it is recorded too.
        let recorder = Recorder::new(self.subject.lend(), self.clock.clone(), span);
        let call = recorder.span().in_scope(|| self.inner.call(request));
        InstrumentFuture::new(call, recorder)
    }
}
