use std::{
    fmt,
    task::{Context, Poll},
};

use tower::Service;

use super::{
    CircuitBreaker, CircuitBreakerFuture,
    future::{Guarded, State},
    permit::{Gate, MayPanic},
};
use crate::{
    clock::{Clock, SystemClock},
    error::{CircuitOpen, Classify},
    lending::{Counted, Lender, Lending},
};

/// A service whose calls a [`CircuitBreaker`] admits or refuses.
///
/// Readiness is the inner service's: an open breaker refuses in `call`, so that a balancer or a buffer above
/// does not wait for it.
pub struct CircuitBreakerService<S, C: Clock = SystemClock, K: Lending<CircuitBreaker<C>> = Counted> {
    inner: S,
    breaker: K::Lender,
}

impl<S, C: Clock> CircuitBreakerService<S, C> {
    /// Puts the breaker before the service.
    #[must_use]
    pub fn new(inner: S, breaker: CircuitBreaker<C>) -> Self {
        Self::of(inner, Lender::new(breaker))
    }
}

impl<S, C: Clock, K: Lending<CircuitBreaker<C>>> CircuitBreakerService<S, C, K> {
    pub(super) const fn of(inner: S, breaker: K::Lender) -> Self {
        Self { inner, breaker }
    }
}

impl<S, C, K, Request> Service<Request> for CircuitBreakerService<S, C, K>
where
    S: Service<Request>,
    S::Error: Classify + From<CircuitOpen>,
    C: Clock,
    K: Lending<CircuitBreaker<C>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = CircuitBreakerFuture<S::Future, C, K>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline(always)]
    fn call(&mut self, request: Request) -> Self::Future {
        let mut ticket = match self.breaker.get().core.admit() {
            Ok(ticket) => ticket,
            Err(refusal) => return CircuitBreakerFuture { call: Guarded::refused(refusal) },
        };
        let gate = self.breaker.lend();
        let may_panic = MayPanic::new(&*gate, &mut ticket);
        // Built where it is returned: a future of several layers is large, and moving it is what they cost.
        CircuitBreakerFuture {
            call: Guarded {
                state: State::Running {
                    future: self.inner.call(request),
                    ticket: {
                        may_panic.survived();
                        ticket
                    },
                    gate,
                },
            },
        }
    }
}

impl<S: Clone, C: Clock, K: Lending<CircuitBreaker<C>>> Clone for CircuitBreakerService<S, C, K> {
    fn clone(&self) -> Self {
        Self::of(self.inner.clone(), self.breaker.clone())
    }
}

impl<S: fmt::Debug, C: Clock, K: Lending<CircuitBreaker<C>>> fmt::Debug for CircuitBreakerService<S, C, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let breaker = self.breaker.get();
        f.debug_struct("CircuitBreakerService").field("inner", &self.inner).field("breaker", breaker).finish()
    }
}
