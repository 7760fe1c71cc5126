use std::{
    sync::Arc,
    task::{Context, Poll},
};

use tower::Service;

use super::{
    CircuitBreaker, CircuitBreakerFuture,
    permit::{Admission, Gate},
};
use crate::{
    clock::{Clock, SystemClock},
    error::{CircuitOpen, Classify},
};

/// A service whose calls a [`CircuitBreaker`] admits or refuses.
///
/// Readiness is the inner service's: an open breaker refuses in `call`, so that a balancer or a buffer above
/// does not wait for it.
#[derive(Debug, Clone)]
pub struct CircuitBreakerService<S, C: Clock = SystemClock> {
    inner: S,
    breaker: CircuitBreaker<C>,
}

impl<S, C: Clock> CircuitBreakerService<S, C> {
    /// Puts the breaker before the service.
    #[must_use]
    pub fn new(inner: S, breaker: CircuitBreaker<C>) -> Self {
        Self { inner, breaker }
    }
}

impl<S, C, Request> Service<Request> for CircuitBreakerService<S, C>
where
    S: Service<Request>,
    S::Error: Classify + From<CircuitOpen>,
    C: Clock,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = CircuitBreakerFuture<S::Future, C>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request) -> Self::Future {
        match self.breaker.core.admit() {
            Ok(ticket) => {
                let mut admission = Admission::admitted(Arc::clone(&self.breaker.core), ticket);
                let future = admission.guard(|| self.inner.call(request));
                CircuitBreakerFuture::admitted(future, admission)
            }
            Err(refusal) => CircuitBreakerFuture::refused(refusal),
        }
    }
}
