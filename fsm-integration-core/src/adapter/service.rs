use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tower::Service;

use super::{IntegrationAdapter, IntegrationContext};
use crate::error::{Error, ErrorKind, Result};

/// One call of an adapter: the request and who asks.
#[derive(Debug, Clone)]
pub struct Call<R> {
    /// What to do.
    pub request: R,
    /// Who asks, why and until when.
    pub context: IntegrationContext,
}

/// Makes an adapter a [`tower::Service`] that validates before it executes.
///
/// Cheap to clone; clones share the adapter. Always ready.
pub struct AdapterService<A> {
    adapter: Arc<A>,
}

impl<A: IntegrationAdapter> AdapterService<A> {
    /// Wraps the adapter.
    pub fn new(adapter: A) -> Self {
        Self { adapter: Arc::new(adapter) }
    }

    /// The adapter inside.
    #[must_use]
    pub fn adapter(&self) -> &A {
        &self.adapter
    }
}

impl<A: IntegrationAdapter> Service<Call<A::Request>> for AdapterService<A> {
    type Response = A::Response;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<A::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call<A::Request>) -> Self::Future {
        let adapter = Arc::clone(&self.adapter);
        Box::pin(async move {
            adapter.validate(&call.request).map_err(|details| Error::invalid(ErrorKind::InvalidRequest, details))?;
            adapter.execute(&call.request, &call.context).await
        })
    }
}

impl<A> Clone for AdapterService<A> {
    fn clone(&self) -> Self {
        Self { adapter: Arc::clone(&self.adapter) }
    }
}

impl<A: IntegrationAdapter> fmt::Debug for AdapterService<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdapterService")
            .field("id", self.adapter.id())
            .field("version", &format_args!("{}", self.adapter.version()))
            .finish()
    }
}
