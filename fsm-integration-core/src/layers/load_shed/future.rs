use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use crate::error::Overloaded;

pin_project! {
    /// A call that was let through, or its refusal.
    #[must_use = "futures do nothing unless polled"]
    pub struct LoadShedFuture<F> {
        // `None` when it was refused.
        #[pin]
        call: Option<F>,
    }
}

impl<F> LoadShedFuture<F> {
    pub(super) const fn calling(call: F) -> Self {
        Self { call: Some(call) }
    }

    pub(super) const fn refused() -> Self {
        Self { call: None }
    }
}

impl<F, T, E> Future for LoadShedFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: From<Overloaded>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().call.as_pin_mut() {
            Some(call) => call.poll(cx),
            None => Poll::Ready(Err(Overloaded.into())),
        }
    }
}

impl<F> fmt::Debug for LoadShedFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadShedFuture").field("is_refused", &self.call.is_none()).finish()
    }
}
