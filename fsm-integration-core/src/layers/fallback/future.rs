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
    pub struct FallbackFuture<F, A, Kept, Req> {
        #[pin]
        call: F,
        fallback: Fallback<A>,
        kept: Option<Kept>,
        request: PhantomData<fn(Req)>,
    }
}

impl<F, A, Kept, Req> FallbackFuture<F, A, Kept, Req> {
    #[inline]
    pub(super) fn new(call: F, fallback: Fallback<A>, kept: Kept) -> Self {
        Self { call, fallback, kept: Some(kept), request: PhantomData }
    }
}

impl<F, A, Req, T, E> Future for FallbackFuture<F, A, A::Kept, Req>
where
    F: Future<Output = Result<T, E>>,
    E: Classify,
    A: Answer<Req, T, E>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match ready!(this.call.poll(cx)) {
            Ok(answer) => Poll::Ready(Ok(answer)),
            Err(error) => {
                let kept = this.kept.take().expect("a future is not polled after it is ready");
                Poll::Ready(this.fallback.answer::<Req, T, E>(kept, error))
            }
        }
    }
}

impl<F, A, Kept, Req> fmt::Debug for FallbackFuture<F, A, Kept, Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackFuture").field("fallback", &self.fallback).finish_non_exhaustive()
    }
}
