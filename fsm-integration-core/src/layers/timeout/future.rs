use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep, sleep_until};

use super::Timeout;
use crate::{
    clock::{Clock, SystemClock},
    error::TimedOut,
    observe::Observation,
    timer::Timer,
};

pin_project! {
    /// A call that is dropped when its time is over; `D` is what is known of the request's own deadline.
    ///
    /// # Panics
    /// When it has to wait outside a tokio runtime with time.
    #[must_use = "futures do nothing unless polled"]
    pub struct TimeoutFuture<F, D = ()> {
        #[pin]
        pub(super) call: Option<F>,
        pub(super) timeout: Timeout,
        pub(super) deadline: D,
        pub(super) timer: Timer,
    }
}

/// When time runs out.
pub trait Until {
    /// Ends so much later than now, or earlier if it is known exactly.
    #[doc(hidden)]
    fn sleep(&self, after: Duration) -> Sleep;

    /// Whether it has, before the call was polled at all.
    #[doc(hidden)]
    fn is_over(&self) -> bool;
}

/// For a request without deadline.
impl Until for () {
    fn sleep(&self, after: Duration) -> Sleep {
        sleep(after)
    }

    #[inline]
    fn is_over(&self) -> bool {
        false
    }
}

/// For a request that may have one.
impl Until for Option<Instant> {
    fn sleep(&self, after: Duration) -> Sleep {
        let sleep = sleep(after);
        // The bound counts from now, which may be long after the call was made.
        match self.map(Into::into).filter(|deadline| *deadline < sleep.deadline()) {
            Some(deadline) => sleep_until(deadline),
            None => sleep,
        }
    }

    #[inline]
    fn is_over(&self) -> bool {
        self.is_some_and(|deadline| SystemClock.now() >= deadline)
    }
}

impl<F, D> TimeoutFuture<F, D> {
    #[inline]
    pub(super) fn new(call: Option<F>, timeout: Timeout, deadline: D) -> Self {
        Self { call, timeout, deadline, timer: Timer::default() }
    }
}

impl<F, T, E, D> Future for TimeoutFuture<F, D>
where
    D: Until,
    F: Future<Output = Result<T, E>>,
    E: From<TimedOut>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.is_late() {
            if let Some(call) = self.as_mut().project().call.as_pin_mut()
                && let Poll::Ready(result) = call.poll(cx)
            {
                return Poll::Ready(result);
            }
            ready!(self.as_mut().poll_timer(cx));
        }
        Poll::Ready(Err(self.give_up().into()))
    }
}

impl<F, D: Until> TimeoutFuture<F, D> {
    /// Whether the request's deadline passed before the call was polled at all, which then must send nothing.
    #[inline]
    fn is_late(&self) -> bool {
        !self.timer.is_set() && self.deadline.is_over()
    }

    /// Ready when the time is over; out of line, so that a call that is ready at once takes no room for it.
    #[inline(never)]
    fn poll_timer(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if this.call.is_none() {
            return Poll::Ready(());
        }
        if !this.timer.is_set() {
            this.timer.set(this.deadline.sleep(this.timeout.after));
        }
        this.timer.poll(cx)
    }

    /// Drops the call, and tells that it took too long.
    #[cold]
    #[inline(never)]
    fn give_up(self: Pin<&mut Self>) -> TimedOut {
        let mut this = self.project();
        this.call.set(None);
        let after = this.timeout.after;
        if let Some(listening) = this.timeout.listening.take() {
            listening.observe(Observation::TimedOut { after });
        }
        TimedOut { after }
    }
}

impl<F, D> fmt::Debug for TimeoutFuture<F, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeoutFuture").field("after", &self.timeout.after).finish_non_exhaustive()
    }
}
