use std::{
    mem,
    task::{Context, Poll},
};

use tower::Service;

use super::{Bulkhead, BulkheadFuture};
use crate::error::BulkheadFull;

/// A service of which only so many calls are under way at once.
///
/// Readiness is the inner service's; a call takes its place, or its place in the queue, in `call`.
#[derive(Debug, Clone)]
pub struct BulkheadService<S> {
    inner: S,
    bulkhead: Bulkhead,
}

impl<S> BulkheadService<S> {
    /// Puts the bulkhead before the service.
    #[must_use]
    pub fn new(inner: S, bulkhead: Bulkhead) -> Self {
        Self { inner, bulkhead }
    }
}

impl<S, Request> Service<Request> for BulkheadService<S>
where
    S: Service<Request> + Clone,
    S::Error: From<BulkheadFull>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BulkheadFuture<S, Request>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request) -> Self::Future {
        if let Some(place) = self.bulkhead.try_place() {
            return BulkheadFuture::begun(self.inner.call(request), place);
        }
        match self.bulkhead.wait() {
            Ok(waiting) => {
                // The instance that is ready waits with the request; the clone must be readied anew.
                let clone = self.inner.clone();
                BulkheadFuture::queued(waiting, mem::replace(&mut self.inner, clone), request)
            }
            Err(refusal) => BulkheadFuture::refused(refusal),
        }
    }
}
