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
    permit::{Gate, MayPanic, Outcome, settle},
    refusal::Refusal,
    ticket::Ticket,
};
use crate::{
    clock::{Clock, SystemClock},
    error::{CircuitOpen, Judge, OnError},
    lending::{Counted, Lending},
};

pin_project! {
    /// A call before a breaker, recorded when it ends or is dropped.
    ///
    /// What it costs is above all what it stores: on the way of a call that succeeds that is its three fields, and that
    /// it is over.
    pub(super) struct Guarded<F, B: Deref<Target: Gate>, J> {
        #[pin]
        pub(super) state: State<F, B, J>,
    }

    impl<F, B: Deref<Target: Gate>, J> PinnedDrop for Guarded<F, B, J> {
        fn drop(this: Pin<&mut Self>) {
            if let StateProjection::Running { gate, ticket, .. } = this.project().state.project()
                && !ticket.is_none()
            {
                settle(&**gate, *ticket, Outcome::Cancelled.into());
            }
        }
    }
}

pin_project! {
    #[project = StateProjection]
    pub(super) enum State<F, B, J> {
        Running {
            #[pin]
            future: F,
            gate: B,
            // None before leave was asked for, and once the result is recorded.
            ticket: Ticket,
            judge: J,
        },
        Refused { refusal: Refusal },
        // Nothing is left of the call, so that nothing is recorded twice.
        Over,
    }
}

impl<F, B: Deref<Target: Gate>, J> Guarded<F, B, J> {
    /// A call that will ask for leave when it begins.
    pub(super) fn later(future: F, gate: B, judge: J) -> Self {
        Self { state: State::Running { future, gate, ticket: Ticket::NONE, judge } }
    }

    pub(super) fn refused(refusal: Refusal) -> Self {
        Self { state: State::Refused { refusal } }
    }

    /// Goes on with a call that has leave or was refused, and records its result.
    #[inline]
    pub(super) fn poll_admitted<T, E>(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, E>>
    where
        F: Future<Output = Result<T, E>>,
        E: From<CircuitOpen>,
        J: Judge<T, E>,
    {
        let mut state = self.project().state;
        let result = match state.as_mut().project() {
            StateProjection::Running { future, gate, ticket, judge } => {
                let result = ready!(MayPanic::run(&**gate, ticket, || future.poll(cx)));
                match judge.failure(&result) {
                    None => gate.succeed(*ticket),
                    Some(failure) => settle(&**gate, ticket.take(), failure.into()),
                }
                result
            }
            StateProjection::Refused { refusal } => Err(CircuitOpen::from(*refusal).into()),
            StateProjection::Over => over(),
        };
        state.set(State::Over);
        Poll::Ready(result)
    }
}

#[cold]
#[inline(never)]
fn over() -> ! {
    panic!("polled after its end");
}

impl<F, B, J, T, E> Future for Guarded<F, B, J>
where
    F: Future<Output = Result<T, E>>,
    B: Deref<Target: Gate>,
    J: Judge<T, E>,
    E: From<CircuitOpen>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.as_mut().project().state;
        if let StateProjection::Running { gate, ticket, .. } = state.as_mut().project()
            && ticket.is_none()
        {
            match gate.admit() {
                Ok(admitted) => *ticket = admitted,
                Err(refusal) => state.set(State::Refused { refusal }),
            }
        }
        self.poll_admitted(cx)
    }
}

pin_project! {
    /// The answer of a [`CircuitBreakerService`](super::CircuitBreakerService).
    pub struct CircuitBreakerFuture<F, C: Clock = SystemClock, J = OnError, K: Lending<CircuitBreaker<C>> = Counted> {
        #[pin]
        pub(super) call: Guarded<F, K::Loan, J>,
    }
}

impl<F, C, J, K, T, E> Future for CircuitBreakerFuture<F, C, J, K>
where
    F: Future<Output = Result<T, E>>,
    C: Clock,
    J: Judge<T, E>,
    K: Lending<CircuitBreaker<C>>,
    E: From<CircuitOpen>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().call.poll_admitted(cx)
    }
}

impl<F, C: Clock, J, K: Lending<CircuitBreaker<C>>> fmt::Debug for CircuitBreakerFuture<F, C, J, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerFuture").finish_non_exhaustive()
    }
}
