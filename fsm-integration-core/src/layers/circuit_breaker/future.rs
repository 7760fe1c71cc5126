use std::{
    fmt,
    future::Future,
    ops::Deref,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use super::{
    CircuitBreaker,
    permit::{Admission, Gate},
    state::Ended,
};
use crate::{
    clock::Clock,
    error::{CircuitOpen, Classify},
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
}

impl<F, B, T, E> Future for Guarded<F, B>
where
    F: Future<Output = Result<T, E>>,
    B: Deref<Target: Gate>,
    E: Classify + From<CircuitOpen>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.admission.admit()?;
        let result = ready!(this.admission.guard(|| this.future.poll(cx)));
        this.admission.settle(Ended::of(&result));
        Poll::Ready(result)
    }
}

pin_project! {
    /// The answer of a [`CircuitBreakerService`](super::CircuitBreakerService).
    pub struct CircuitBreakerFuture<F, C: Clock> {
        #[pin]
        pub(super) inner: Inner<F, C>,
    }
}

pin_project! {
    #[project = InnerProjection]
    pub(super) enum Inner<F, C: Clock> {
        Admitted { #[pin] call: Guarded<F, Arc<CircuitBreaker<C>>> },
        Refused { refusal: CircuitOpen },
    }
}

impl<F, C: Clock> CircuitBreakerFuture<F, C> {
    pub(super) fn refused(refusal: CircuitOpen) -> Self {
        Self { inner: Inner::Refused { refusal } }
    }
}

impl<F, C, T, E> Future for CircuitBreakerFuture<F, C>
where
    F: Future<Output = Result<T, E>>,
    C: Clock,
    E: Classify + From<CircuitOpen>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().inner.project() {
            InnerProjection::Admitted { call } => call.poll(cx),
            InnerProjection::Refused { refusal } => Poll::Ready(Err((*refusal).into())),
        }
    }
}

impl<F, C: Clock> fmt::Debug for CircuitBreakerFuture<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerFuture").finish_non_exhaustive()
    }
}
