use std::{
    mem,
    task::{Context, Poll},
};

use tower::Service;

use super::{Replay, RetryFuture, RetryStrategy, future::Again};
use crate::{
    clock::{Clock, SystemClock},
    error::Classify,
};

/// Sends a request again when it failed but may pass.
///
/// A call that succeeds at once costs a clone of the inner service and whatever [`Replay::replay`] costs;
/// nothing else is allocated.
#[derive(Debug, Clone)]
pub struct RetryService<S, C = SystemClock> {
    inner: S,
    strategy: RetryStrategy<C>,
}

impl<S, C> RetryService<S, C> {
    /// Wraps a service.
    pub const fn new(inner: S, strategy: RetryStrategy<C>) -> Self {
        Self { inner, strategy }
    }
}

impl<S, Req, C> Service<Req> for RetryService<S, C>
where
    S: Service<Req, Error: Classify> + Clone,
    Req: Replay,
    C: Clock,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = RetryFuture<S, Req, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let delays = self.strategy.begin();
        let spare = if self.strategy.config().max_retries == 0 { None } else { request.replay() };
        if spare.is_none() {
            return RetryFuture::once(self.inner.call(request));
        }
        let deadline = request.deadline();
        // The service that was polled ready makes the call; its clone waits to be.
        let clone = self.inner.clone();
        let mut service = mem::replace(&mut self.inner, clone);
        let first = service.call(request);
        let strategy = self.strategy.clone();
        RetryFuture::new(first, Again { service, spare, strategy, delays, deadline, earlier: None })
    }
}
