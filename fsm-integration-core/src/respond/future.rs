use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use super::OrRefusal;

pin_project! {
    /// A call whose error may become a refusal on its way out.
    #[must_use = "futures do nothing unless polled"]
    pub struct RefusableFuture<T, R> {
        #[pin]
        call: T,
        refusal: PhantomData<fn() -> R>,
    }
}

impl<T, R> RefusableFuture<T, R> {
    #[inline]
    pub(super) const fn new(call: T) -> Self {
        Self { call, refusal: PhantomData }
    }
}

impl<T, R, Response, E> Future for RefusableFuture<T, R>
where
    T: Future<Output = Result<Response, E>>,
{
    type Output = Result<Response, OrRefusal<E, R>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().call.poll(cx).map_err(OrRefusal::Error)
    }
}

pin_project! {
    /// A call whose refusal is answered.
    #[must_use = "futures do nothing unless polled"]
    pub struct RespondFuture<T, R, F> {
        #[pin]
        call: Option<T>,
        refused: Option<R>,
        answer: F,
    }
}

impl<T, R, F> RespondFuture<T, R, F> {
    #[inline]
    pub(super) const fn calling(call: T, answer: F) -> Self {
        Self { call: Some(call), refused: None, answer }
    }

    pub(super) const fn refused(refusal: R, answer: F) -> Self {
        Self { call: None, refused: Some(refusal), answer }
    }
}

impl<T, R, F, Response, E> Future for RespondFuture<T, R, F>
where
    T: Future<Output = Result<Response, OrRefusal<E, R>>>,
    F: Fn(R) -> Response,
{
    type Output = Result<Response, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let refusal = match this.call.as_pin_mut() {
            Some(call) => match ready!(call.poll(cx)) {
                Ok(response) => return Poll::Ready(Ok(response)),
                Err(OrRefusal::Error(error)) => return Poll::Ready(Err(error)),
                Err(OrRefusal::Refusal(refusal)) => refusal,
            },
            None => this.refused.take().expect("polled after its end"),
        };
        Poll::Ready(Ok((this.answer)(refusal)))
    }
}

impl<T, R> fmt::Debug for RefusableFuture<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefusableFuture").finish_non_exhaustive()
    }
}

impl<T, R, F> fmt::Debug for RespondFuture<T, R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RespondFuture").finish_non_exhaustive()
    }
}
