use std::{
    mem,
    task::{Context, Poll},
};

use tower::Service;

use super::{AdaptiveConcurrency, AdaptiveConcurrencyFuture, future::Queued};
use crate::{
    clock::{Clock, SystemClock},
    error::{BulkheadFull, Classify},
    semaphore::Asked,
};

/// A service of which only so many calls are under way at once as it can take.
///
/// Readiness is the inner service's; a call takes its place, or its place in the queue, in `call`.
#[derive(Debug, Clone)]
pub struct AdaptiveConcurrencyService<S, C: Clock = SystemClock> {
    inner: S,
    concurrency: AdaptiveConcurrency<C>,
}

impl<S, C: Clock> AdaptiveConcurrencyService<S, C> {
    /// Puts the limit before the service.
    #[must_use]
    pub const fn new(inner: S, concurrency: AdaptiveConcurrency<C>) -> Self {
        Self { inner, concurrency }
    }
}

impl<S, Request, C> Service<Request> for AdaptiveConcurrencyService<S, C>
where
    S: Service<Request> + Clone,
    S::Error: Classify + From<BulkheadFull>,
    C: Clock,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = AdaptiveConcurrencyFuture<S, Request, C>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match self.concurrency.ask() {
            Ok(Asked::Place(place)) => {
                let permit = self.concurrency.begin(place);
                AdaptiveConcurrencyFuture::begun(self.inner.call(request), permit)
            }
            Ok(Asked::Waiting(waiting)) => {
                // The instance that is ready waits with the request; the clone must be readied anew.
                let clone = self.inner.clone();
                let call = Some((mem::replace(&mut self.inner, clone), request));
                let concurrency = self.concurrency.clone();
                AdaptiveConcurrencyFuture::queued(Box::new(Queued { waiting, concurrency, call }))
            }
            Err(refusal) => AdaptiveConcurrencyFuture::refused(refusal),
        }
    }
}
