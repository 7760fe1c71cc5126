use std::{
    mem,
    task::{Context, Poll},
};

use tower::Service;

use super::{Bulkhead, BulkheadFuture, future::Queued};
use crate::{
    error::BulkheadFull,
    semaphore::{Asked, Waiting},
};

/// A service of which only so many calls are under way at once.
///
/// Readiness is the inner service's; a call takes its place, or its place in the queue, in `call`.
///
/// # Panics
/// Its calls panic when they have to wait outside a tokio runtime with time and there is a longest wait.
#[derive(Debug, Clone)]
pub struct BulkheadService<S> {
    inner: S,
    bulkhead: Bulkhead,
}

impl<S> BulkheadService<S> {
    /// Puts the bulkhead before the service.
    #[must_use]
    pub const fn new(inner: S, bulkhead: Bulkhead) -> Self {
        Self { inner, bulkhead }
    }

    /// Keeps the call for when there is a place for it.
    #[cold]
    #[inline(never)]
    fn queue<Request>(&mut self, waiting: Box<Waiting>, request: Request) -> Box<Queued<S, Request>>
    where
        S: Clone,
    {
        // The instance that is ready waits with the request; the clone must be readied anew.
        let clone = self.inner.clone();
        let ready = mem::replace(&mut self.inner, clone);
        Box::new(Queued { waiting, bulkhead: self.bulkhead.clone(), call: Some((ready, request)) })
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
        // Nothing that is returned through memory meets the way of a call that finds a place: its future would be moved
        // by loads wider than the stores before them, which costs more than the place.
        let place = match self.bulkhead.try_place() {
            Some(place) => place,
            None => match self.bulkhead.ask() {
                Ok(Asked::Place(place)) => place,
                Ok(Asked::Waiting(waiting)) => return BulkheadFuture::queued(self.queue(waiting, request)),
                Err(refusal) => return BulkheadFuture::refused(refusal),
            },
        };
        BulkheadFuture::begun(self.inner.call(request), place)
    }
}
