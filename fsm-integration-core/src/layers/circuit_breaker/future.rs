use std::{
    fmt,
    future::Future,
    ops::Deref,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use super::{
    CircuitBreaker,
    permit::{Admission, Gate},
};
use crate::{
    clock::{Clock, SystemClock},
    error::{CircuitOpen, Classify},
    lending::{Counted, Lending},
};

pin_project! {
    /// A call that asks for leave when it is first polled, unless it has it, and records how it ends.
    pub(super) struct Guarded<F, B: Deref<Target: Gate>> {
        #[pin]
        pub(super) future: F,
        pub(super) admission: Admission<B>,
    }
}

impl<F, B: Deref<Target: Gate>> Guarded<F, B> {
    pub(super) fn new(future: F, admission: Admission<B>) -> Self {
        Self { future, admission }
    }

    /// Goes on with a call that has leave, and records its result.
    #[inline]
    fn poll_admitted<T, E>(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, E>>
    where
        F: Future<Output = Result<T, E>>,
        E: Classify,
    {
        let this = self.project();
        let result = ready!(this.admission.guard(|| this.future.poll(cx)));
        this.admission.settle_as(&result);
        Poll::Ready(result)
    }
}

impl<F, B, T, E> Future for Guarded<F, B>
where
    F: Future<Output = Result<T, E>>,
    B: Deref<Target: Gate>,
    E: Classify + From<CircuitOpen>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.as_mut().project().admission.admit()?;
        self.poll_admitted(cx)
    }
}

pin_project! {
    /// The answer of a [`CircuitBreakerService`](super::CircuitBreakerService).
    pub struct CircuitBreakerFuture<F, C: Clock = SystemClock, K: Lending<CircuitBreaker<C>> = Counted> {
        #[pin]
        pub(super) inner: Inner<F, C, K>,
    }
}

pin_project! {
    #[project = InnerProjection]
    pub(super) enum Inner<F, C: Clock, K: Lending<CircuitBreaker<C>>> {
        Admitted { #[pin] call: Guarded<F, K::Loan> },
        Refused { refusal: CircuitOpen },
    }
}

impl<F, C: Clock, K: Lending<CircuitBreaker<C>>> CircuitBreakerFuture<F, C, K> {
    pub(super) fn refused(refusal: CircuitOpen) -> Self {
        Self { inner: Inner::Refused { refusal } }
    }
}

impl<F, C, K, T, E> Future for CircuitBreakerFuture<F, C, K>
where
    F: Future<Output = Result<T, E>>,
    C: Clock,
    K: Lending<CircuitBreaker<C>>,
    E: Classify + From<CircuitOpen>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().inner.project() {
            InnerProjection::Admitted { call } => call.poll_admitted(cx),
            InnerProjection::Refused { refusal } => Poll::Ready(Err((*refusal).into())),
        }
    }
}

impl<F, C: Clock, K: Lending<CircuitBreaker<C>>> fmt::Debug for CircuitBreakerFuture<F, C, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerFuture").finish_non_exhaustive()
    }
}
