use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use super::{Answer, Fallback};
use crate::error::Classify;

pin_project! {
    /// A call that is answered for if it fails.
    #[must_use = "futures do nothing unless polled"]
    pub struct FallbackFuture<F, A, Kept, Fut, Req> {
        #[pin]
        state: State<F, Kept, Fut>,
        fallback: Fallback<A>,
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

impl<F, A, Kept, Fut, Req> FallbackFuture<F, A, Kept, Fut, Req> {
    #[inline]
    pub(super) fn new(call: F, fallback: Fallback<A>, kept: Kept) -> Self {
        Self { state: State::Calling { call, kept: Some(kept) }, fallback, request: PhantomData }
    }
}

impl<F, A, Req, T, E> Future for FallbackFuture<F, A, A::Kept, A::Future, Req>
where
    F: Future<Output = Result<T, E>>,
    E: Classify,
    A: Answer<Req, T, E>,
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
            match ready!(call.poll(cx)) {
                Ok(answer) => return Poll::Ready(Ok(answer)),
                Err(error) => {
                    let kept = kept.take().expect("a future is not polled after it is ready");
                    this.state.set(State::Over);
                    let answer = this.fallback.answer::<Req, T, E>(kept, error)?;
                    this.state.set(State::Answering { answer });
                }
            }
        }
    }
}

impl<F, A, Kept, Fut, Req> fmt::Debug for FallbackFuture<F, A, Kept, Fut, Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackFuture").field("fallback", &self.fallback).finish_non_exhaustive()
    }
}
