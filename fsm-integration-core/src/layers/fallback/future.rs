use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use super::{Answer, Fallback, Tell};
use crate::error::OnError;

pin_project! {
    /// A call that is answered for if it fails.
    #[must_use = "futures do nothing unless polled"]
    pub struct FallbackFuture<F, A, Kept, Fut, Req, J = OnError> {
        #[pin]
        state: State<F, Kept, Fut>,
        fallback: Fallback<A, J>,
        request: PhantomData<fn(Req)>,
    }
}

pin_project! {
    /// One after the other: the call that failed is dropped before the fallback is asked.
    #[project = StateProjection]
    enum State<F, Kept, Fut> {
        Calling { #[pin] call: F, kept: Option<Kept> },
        Answering { #[pin] answer: Fut },
        Over,
    }
}

impl<F, A, Kept, Fut, Req, J> FallbackFuture<F, A, Kept, Fut, Req, J> {
    #[inline]
    pub(super) fn new(call: F, fallback: Fallback<A, J>, kept: Kept) -> Self {
        Self { state: State::Calling { call, kept: Some(kept) }, fallback, request: PhantomData }
    }
}

impl<F, A, Req, J, T, E> Future for FallbackFuture<F, A, A::Kept, A::Future, Req, J>
where
    F: Future<Output = Result<T, E>>,
    J: Tell<T, E>,
    A: Answer<Req, T, E, J::Told>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let (call, kept) = match this.state.as_mut().project() {
                StateProjection::Calling { call, kept } => (call, kept),
                StateProjection::Answering { answer } => return answer.poll(cx),
                StateProjection::Over => panic!("polled after its end"),
            };
            match this.fallback.0.judge.tell(ready!(call.poll(cx))) {
                Ok(outcome) => return Poll::Ready(outcome),
                Err((class, told)) => {
                    let kept = kept.take().expect("a future is not polled after it is ready");
                    this.state.set(State::Over);
                    match this.fallback.answer::<Req, T, E>(kept, class, told) {
                        Ok(answer) => this.state.set(State::Answering { answer }),
                        Err(outcome) => return Poll::Ready(outcome),
                    }
                }
            }
        }
    }
}

impl<F, A, Kept, Fut, Req, J> fmt::Debug for FallbackFuture<F, A, Kept, Fut, Req, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackFuture").field("fallback", &self.fallback).finish_non_exhaustive()
    }
}
