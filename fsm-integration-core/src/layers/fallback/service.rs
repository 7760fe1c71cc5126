use std::{
    fmt,
    task::{Context, Poll},
};

use tower::Service;

use super::{Answer, Fallback, FallbackFuture, Tell};
use crate::error::OnError;

/// A service whose failures are answered for.
///
/// A call that succeeds costs one count up and down; nothing is allocated. Readiness that fails is not answered for: it
/// says that the service is of no use any more.
pub struct FallbackService<S, A, J = OnError> {
    inner: S,
    fallback: Fallback<A, J>,
}

impl<S, A, J> FallbackService<S, A, J> {
    /// Wraps a service.
    pub const fn new(inner: S, fallback: Fallback<A, J>) -> Self {
        Self { inner, fallback }
    }
}

impl<S, Req, A, J> Service<Req> for FallbackService<S, A, J>
where
    S: Service<Req>,
    J: Tell<S::Response, S::Error>,
    A: Answer<Req, S::Response, S::Error, J::Told>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = FallbackFuture<S::Future, A, A::Kept, A::Future, Req, J>;

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

impl<S: Clone, A, J> Clone for FallbackService<S, A, J> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), fallback: self.fallback.clone() }
    }
}

impl<S: fmt::Debug, A, J> fmt::Debug for FallbackService<S, A, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackService").field("inner", &self.inner).field("fallback", &self.fallback).finish()
    }
}
