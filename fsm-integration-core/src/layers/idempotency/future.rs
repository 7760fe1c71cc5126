use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

pin_project! {
    /// The answer to a request; boxed only when the request has a key.
    #[project = Projected]
    #[allow(missing_debug_implementations)]
    pub enum IdempotencyFuture<F, Response, E> {
        #[doc(hidden)]
        Untouched { #[pin] inner: F },
        #[doc(hidden)]
        Once { work: Pin<Box<dyn Future<Output = Result<Response, E>> + Send>> },
    }
}

impl<F, Response, E> Future for IdempotencyFuture<F, Response, E>
where
    F: Future<Output = Result<Response, E>>,
{
    type Output = Result<Response, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            Projected::Untouched { inner } => inner.poll(cx),
            Projected::Once { work } => work.as_mut().poll(cx),
        }
    }
}
