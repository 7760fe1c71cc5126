use std::{
    mem,
    task::{Context, Poll},
};

use tower::Service;

use super::{AdaptiveConcurrency, AdaptiveConcurrencyFuture, future::Queued};
use crate::{
    clock::{Clock, SystemClock},
    error::{BulkheadFull, Judge, OnError},
    semaphore::Asked,
};

/// A service of which only so many calls are under way at once as it can take.
///
/// Readiness is the inner service's; a call takes its place, or its place in the queue, in `call`.
#[derive(Debug, Clone)]
pub struct AdaptiveConcurrencyService<S, C: Clock = SystemClock, J = OnError> {
    inner: S,
    concurrency: AdaptiveConcurrency<C>,
    judge: J,
}

impl<S, C: Clock> AdaptiveConcurrencyService<S, C> {
    /// Puts the limit before the service; for another [`Judge`] there is the
    /// [layer](super::AdaptiveConcurrencyLayer::judge_by).
    #[must_use]
    pub const fn new(inner: S, concurrency: AdaptiveConcurrency<C>) -> Self {
        Self::of(inner, concurrency, OnError)
    }
}

impl<S, C: Clock, J> AdaptiveConcurrencyService<S, C, J> {
    pub(super) const fn of(inner: S, concurrency: AdaptiveConcurrency<C>, judge: J) -> Self {
        Self { inner, concurrency, judge }
    }
}

impl<S, Request, C, J> Service<Request> for AdaptiveConcurrencyService<S, C, J>
where
    S: Service<Request> + Clone,
    S::Error: From<BulkheadFull>,
    C: Clock,
    J: Judge<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = AdaptiveConcurrencyFuture<S, Request, C, J>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let judge = self.judge.clone();
        match self.concurrency.ask() {
            Ok(Asked::Place(place)) => {
                let permit = self.concurrency.begin(place);
                AdaptiveConcurrencyFuture::begun(self.inner.call(request), permit, judge)
            }
            Ok(Asked::Waiting(waiting)) => {
                // The instance that is ready waits with the request; the clone must be readied anew.
                let clone = self.inner.clone();
                let call = Some((mem::replace(&mut self.inner, clone), request));
                let concurrency = self.concurrency.clone();
                AdaptiveConcurrencyFuture::queued(Box::new(Queued { waiting, concurrency, call }), judge)
            }
            Err(refusal) => AdaptiveConcurrencyFuture::refused(refusal, judge),
        }
    }
}
