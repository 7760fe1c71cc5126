use std::{
    fmt,
    task::{Context, Poll},
};

use tower::Service;

use super::{Answer, Fallback, FallbackFuture};
use crate::error::Classify;

/// A service whose failures are answered for.
///
/// A call that succeeds costs one count up and down; nothing is allocated. Readiness that fails is not answered for: it
/// says that the service is of no use any more.
pub struct FallbackService<S, A> {
    inner: S,
    fallback: Fallback<A>,
}

impl<S, A> FallbackService<S, A> {
    /// Wraps a service.
    pub const fn new(inner: S, fallback: Fallback<A>) -> Self {
        Self { inner, fallback }
    }
}

impl<S, Req, A> Service<Req> for FallbackService<S, A>
where
    S: Service<Req, Error: Classify>,
    A: Answer<Req, S::Response, S::Error>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = FallbackFuture<S::Future, A, A::Kept, A::Future, Req>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let kept = self.fallback.0.answer.keep(&request);
        FallbackFuture::new(self.inner.call(request), self.fallback.clone(), kept)
    }
}

impl<S: Clone, A> Clone for FallbackService<S, A> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), fallback: self.fallback.clone() }
    }
}

impl<S: fmt::Debug, A> fmt::Debug for FallbackService<S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackService").field("inner", &self.inner).field("fallback", &self.fallback).finish()
    }
}
