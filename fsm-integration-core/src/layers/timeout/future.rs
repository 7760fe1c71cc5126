use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::{
    task::coop::{Unconstrained, unconstrained},
    time::{Sleep, sleep},
};

use crate::error::TimedOut;

pin_project! {
    /// A call that is dropped when its time is over.
    pub struct TimeoutFuture<F> {
        #[pin]
        call: Option<F>,
        after: Duration,
        // Outside tokio's cooperative budget, or a call that uses it up at every poll would never be timed out.
        #[pin]
        timer: Option<Unconstrained<Sleep>>,
    }
}

impl<F> TimeoutFuture<F> {
    pub(super) fn new(call: F, after: Duration) -> Self {
        Self { call: Some(call), after, timer: None }
    }

    pub(super) fn expired(after: Duration) -> Self {
        Self { call: None, after, timer: None }
    }
}

impl<F, T, E> Future for TimeoutFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: From<TimedOut>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(call) = this.call.as_mut().as_pin_mut() {
            if let Poll::Ready(result) = call.poll(cx) {
                return Poll::Ready(result);
            }
            if this.timer.is_none() {
                this.timer.set(Some(unconstrained(sleep(*this.after))));
            }
            let timer = this.timer.as_mut().as_pin_mut().expect("made above");
            if timer.poll(cx).is_pending() {
                return Poll::Pending;
            }
            this.call.set(None);
        }
        Poll::Ready(Err(TimedOut { after: *this.after }.into()))
    }
}

impl<F> fmt::Debug for TimeoutFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeoutFuture").field("after", &self.after).finish_non_exhaustive()
    }
}
