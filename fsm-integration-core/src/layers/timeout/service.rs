use std::task::{Context, Poll};

use tower::Service;

use super::{HasDeadline, Timeout, TimeoutFuture};
use crate::{
    clock::{Clock, SystemClock},
    error::TimedOut,
};

/// A service whose calls are dropped when they take too long.
#[derive(Debug, Clone)]
pub struct TimeoutService<S> {
    inner: S,
    timeout: Timeout,
}

impl<S> TimeoutService<S> {
    /// Allows each call so much time.
    #[must_use]
    pub fn new(inner: S, timeout: impl Into<Timeout>) -> Self {
        Self { inner, timeout: timeout.into() }
    }
}

impl<S, Request> Service<Request> for TimeoutService<S>
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
        TimeoutFuture::new(self.inner.call(request), self.timeout.clone())
    }
}

/// A service whose calls are dropped when their deadline passes, and not begun after it.
///
/// Not one type with [`TimeoutService`], which asks nothing of the request.
#[derive(Debug, Clone)]
pub struct DeadlineService<S> {
    inner: S,
    total: Timeout,
}

impl<S> DeadlineService<S> {
    /// Allows each call so much time, or less when its request carries an earlier deadline.
    #[must_use]
    pub fn new(inner: S, total: impl Into<Timeout>) -> Self {
        Self { inner, total: total.into() }
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
        let mut timeout = self.total.clone();
        let Some(deadline) = request.deadline() else {
            return TimeoutFuture::new(self.inner.call(request), timeout);
        };
        let left = deadline.saturating_duration_since(SystemClock.now());
        if left >= timeout.after {
            return TimeoutFuture::new(self.inner.call(request), timeout);
        }
        timeout.after = left;
        if left.is_zero() {
            return TimeoutFuture::expired(timeout);
        }
        TimeoutFuture::until(deadline, self.inner.call(request), timeout)
    }
}
