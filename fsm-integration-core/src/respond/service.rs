use std::{
    fmt,
    marker::PhantomData,
    task::{Context, Poll},
};

use tower::Service;

use super::{OrRefusal, RefusableFuture, RespondFuture};

/// A service of whose error a layer can make a refusal.
pub struct Refusable<S, R> {
    inner: S,
    refusal: PhantomData<fn() -> R>,
}

impl<S, R> Refusable<S, R> {
    pub(super) const fn new(inner: S) -> Self {
        Self { inner, refusal: PhantomData }
    }
}

impl<S: Service<Request>, Request, R> Service<Request> for Refusable<S, R> {
    type Response = S::Response;
    type Error = OrRefusal<S::Error, R>;
    type Future = RefusableFuture<S::Future, R>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(OrRefusal::Error)
    }

    #[inline]
    fn call(&mut self, request: Request) -> Self::Future {
        RefusableFuture::new(self.inner.call(request))
    }
}

impl<S: Clone, R> Clone for Refusable<S, R> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone())
    }
}

impl<S: fmt::Debug, R> fmt::Debug for Refusable<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusable").field("inner", &self.inner).finish()
    }
}

/// A service that answers the refusals of its layers.
pub struct RespondService<S, R, F> {
    inner: S,
    answer: F,
    /// A refusal while the service was made ready: the next call gets it.
    refused: Option<R>,
}

impl<S, R, F> RespondService<S, R, F> {
    pub(super) const fn new(inner: S, answer: F) -> Self {
        Self { inner, answer, refused: None }
    }
}

impl<S, Request, E, R, F> Service<Request> for RespondService<S, R, F>
where
    S: Service<Request, Error = OrRefusal<E, R>>,
    F: Fn(R) -> S::Response + Clone,
{
    type Response = S::Response;
    type Error = E;
    type Future = RespondFuture<S::Future, R, F>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.inner.poll_ready(cx).map(|ready| match ready {
            Err(OrRefusal::Error(error)) => Err(error),
            Err(OrRefusal::Refusal(refusal)) => {
                self.refused = Some(refusal);
                Ok(())
            }
            Ok(()) => {
                self.refused = None;
                Ok(())
            }
        })
    }

    #[inline]
    fn call(&mut self, request: Request) -> Self::Future {
        match self.refused.take() {
            None => RespondFuture::calling(self.inner.call(request), self.answer.clone()),
            Some(refusal) => RespondFuture::refused(refusal, self.answer.clone()),
        }
    }
}

/// A clone has yet to be made ready.
impl<S: Clone, R, F: Clone> Clone for RespondService<S, R, F> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.answer.clone())
    }
}

impl<S: fmt::Debug, R, F> fmt::Debug for RespondService<S, R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RespondService").field("inner", &self.inner).finish_non_exhaustive()
    }
}
