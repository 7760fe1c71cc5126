use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use pin_project_lite::pin_project;
use tokio::time::{sleep, sleep_until};

use super::Timeout;
use crate::{error::TimedOut, timer::Timer};

pin_project! {
    /// A call that is dropped when its time is over.
    pub struct TimeoutFuture<F> {
        #[pin]
        pub(super) call: Option<F>,
        pub(super) timeout: Timeout,
        // Of the request; the timeout's time is what was left until then.
        pub(super) deadline: Option<Instant>,
        pub(super) timer: Timer,
    }
}

impl<F> TimeoutFuture<F> {
    pub(super) fn expired(timeout: Timeout) -> Self {
        Self { call: None, timeout, deadline: None, timer: Timer::default() }
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
        let after = this.timeout.after;
        if let Some(call) = this.call.as_mut().as_pin_mut() {
            if let Poll::Ready(result) = call.poll(cx) {
                return Poll::Ready(result);
            }
            if !this.timer.is_set() {
                this.timer.set(this.deadline.map_or_else(|| sleep(after), |deadline| sleep_until(deadline.into())));
            }
            if this.timer.poll(cx).is_pending() {
                return Poll::Pending;
            }
            this.call.set(None);
        }
        if let Some(listening) = this.timeout.listening.take() {
            listening.tell(after);
        }
        Poll::Ready(Err(TimedOut { after }.into()))
    }
}

impl<F> fmt::Debug for TimeoutFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeoutFuture").field("after", &self.timeout.after).finish_non_exhaustive()
    }
}
