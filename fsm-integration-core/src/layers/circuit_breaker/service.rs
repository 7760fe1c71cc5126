use std::task::{Context, Poll};

use tower::Service;

use super::{
    CircuitBreaker, CircuitBreakerFuture,
    future::{Guarded, Inner},
    permit::{Admission, Gate, MayPanic},
};
use crate::{
    clock::{Clock, SystemClock},
    error::{CircuitOpen, Classify},
    lent::Lent,
};

/// A service whose calls a [`CircuitBreaker`] admits or refuses.
///
/// Readiness is the inner service's: an open breaker refuses in `call`, so that a balancer or a buffer above
/// does not wait for it.
#[derive(Debug, Clone)]
pub struct CircuitBreakerService<S, C: Clock = SystemClock> {
    inner: S,
    breaker: Lent<CircuitBreaker<C>>,
}

impl<S, C: Clock> CircuitBreakerService<S, C> {
    /// Puts the breaker before the service.
    #[must_use]
    pub fn new(inner: S, breaker: CircuitBreaker<C>) -> Self {
        Self { inner, breaker: Lent::new(breaker) }
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

    #[inline(always)]
    fn call(&mut self, request: Request) -> Self::Future {
        match self.breaker.get().core.admit() {
            Ok(ticket) => {
                let breaker = self.breaker.lend();
                let may_panic = MayPanic::new(&*breaker, ticket);
                // Built where it is returned: a future of several layers is large, and moving it is what they cost.
                CircuitBreakerFuture {
                    inner: Inner::Admitted {
                        call: Guarded {
                            future: self.inner.call(request),
                            admission: {
                                let ticket = may_panic.survived();
                                Admission::admitted(breaker, ticket)
                            },
                        },
                    },
                }
            }
            Err(refusal) => CircuitBreakerFuture::refused(refusal),
        }
    }
}
