use std::{
    task::{Context, Poll},
    time::Duration,
};

use tower::Service;

use super::{HasDeadline, TimeoutFuture};
use crate::{
    clock::{Clock, SystemClock},
    error::TimedOut,
};

/// A service whose calls are dropped when they take too long.
#[derive(Debug, Clone)]
pub struct Timeout<S> {
    inner: S,
    after: Duration,
}

impl<S> Timeout<S> {
    /// Allows each call this much time.
    #[must_use]
    pub const fn new(inner: S, after: Duration) -> Self {
        Self { inner, after }
    }
}

impl<S, Request> Service<Request> for Timeout<S>
where
    S: Service<Request>,
    S::Error: From<TimedOut>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = TimeoutFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request) -> Self::Future {
        TimeoutFuture::new(self.inner.call(request), self.after)
    }
}

/// A service whose calls are dropped when their deadline passes, and not begun after it.
#[derive(Debug, Clone)]
pub struct DeadlineService<S> {
    inner: S,
    total: Duration,
}

impl<S> DeadlineService<S> {
    /// Allows each call this much time, or less when its request carries an earlier deadline.
    #[must_use]
    pub const fn new(inner: S, total: Duration) -> Self {
        Self { inner, total }
    }
}

impl<S, Request> Service<Request> for DeadlineService<S>
where
    S: Service<Request>,
    S::Error: From<TimedOut>,
    Request: HasDeadline,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = TimeoutFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    /// Reads the clock only for a request that carries a deadline; the system's, which tokio's timers obey too.
    #[inline]
    fn call(&mut self, request: Request) -> Self::Future {
        let Some(deadline) = request.deadline() else {
            return TimeoutFuture::new(self.inner.call(request), self.total);
        };
        let left = deadline.saturating_duration_since(SystemClock.now()).min(self.total);
        if left.is_zero() {
            return TimeoutFuture::expired(left);
        }
        TimeoutFuture::new(self.inner.call(request), left)
    }
}
