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
    error::{CircuitOpen, Judge, OnError},
    lending::{Counted, Lender, Lending},
};

/// A service whose calls a [`CircuitBreaker`] admits or refuses.
///
/// Readiness is the inner service's: an open breaker refuses in `call`, so that a balancer or a buffer above
/// does not wait for it.
pub struct CircuitBreakerService<S, C: Clock = SystemClock, J = OnError, K: Lending<CircuitBreaker<C>> = Counted> {
    inner: S,
    breaker: K::Lender,
    judge: J,
}

impl<S, C: Clock> CircuitBreakerService<S, C> {
    /// Puts the breaker before the service; for another [`Judge`] there is the [layer](super::CircuitBreakerLayer::judge_by).
    #[must_use]
    pub fn new(inner: S, breaker: CircuitBreaker<C>) -> Self {
        Self::of(inner, Lender::new(breaker), OnError)
    }
}

impl<S, C: Clock, J, K: Lending<CircuitBreaker<C>>> CircuitBreakerService<S, C, J, K> {
    pub(super) const fn of(inner: S, breaker: K::Lender, judge: J) -> Self {
        Self { inner, breaker, judge }
    }
}

impl<S, C, J, K, Request> Service<Request> for CircuitBreakerService<S, C, J, K>
where
    S: Service<Request>,
    S::Error: From<CircuitOpen>,
    C: Clock,
    J: Judge<S::Response, S::Error> + Clone,
    K: Lending<CircuitBreaker<C>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = CircuitBreakerFuture<S::Future, C, J, K>;

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
                    judge: self.judge.clone(),
                },
            },
        }
    }
}

impl<S: Clone, C: Clock, J: Clone, K: Lending<CircuitBreaker<C>>> Clone for CircuitBreakerService<S, C, J, K> {
    fn clone(&self) -> Self {
        Self::of(self.inner.clone(), self.breaker.clone(), self.judge.clone())
    }
}

impl<S: fmt::Debug, C: Clock, J: fmt::Debug, K: Lending<CircuitBreaker<C>>> fmt::Debug
    for CircuitBreakerService<S, C, J, K>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let breaker = self.breaker.get();
        let mut service = f.debug_struct("CircuitBreakerService");
        service.field("inner", &self.inner).field("breaker", breaker).field("judge", &self.judge).finish()
    }
}
