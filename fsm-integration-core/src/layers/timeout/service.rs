use std::{
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tower::Service;

use super::{HasDeadline, Timeout, TimeoutFuture};
use crate::{
    clock::{Clock, SystemClock},
    error::TimedOut,
    lending::{Lender, Lent},
    observe::Listening,
    timer::Timer,
};

/// A timeout as a service has it: clones of the service that are called at the same time do not count references to one
/// and the same listener.
#[derive(Debug, Clone)]
struct Bound {
    after: Duration,
    listening: Option<Lent<Listening>>,
}

impl Bound {
    fn new(timeout: Timeout) -> Self {
        let Timeout { after, listening } = timeout;
        Self { after, listening: listening.map(|listening| Lent::new(Listening::clone(&listening))) }
    }

    /// For the next call.
    #[inline]
    fn lend(&mut self) -> Timeout {
        Timeout { after: self.after, listening: self.listening.as_mut().map(Lender::lend) }
    }
}

/// A service whose calls are dropped when they take too long.
///
/// # Panics
/// Its calls panic when they have to wait outside a tokio runtime with time.
#[derive(Debug, Clone)]
pub struct TimeoutService<S> {
    inner: S,
    timeout: Bound,
}

impl<S> TimeoutService<S> {
    /// Allows each call so much time.
    #[must_use]
    pub fn new(inner: S, timeout: impl Into<Timeout>) -> Self {
        Self { inner, timeout: Bound::new(timeout.into()) }
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

    #[inline(always)]
    fn call(&mut self, request: Request) -> Self::Future {
        let timeout = self.timeout.lend();
        // Built where it is returned: moving a large future costs more than this layer.
        TimeoutFuture { call: Some(self.inner.call(request)), timeout, deadline: (), timer: Timer::default() }
    }
}

/// A service whose calls are dropped when their deadline passes, and not begun after it.
///
/// Not one type with [`TimeoutService`], which asks nothing of the request.
///
/// # Panics
/// Its calls panic when they have to wait outside a tokio runtime with time.
#[derive(Debug, Clone)]
pub struct DeadlineService<S> {
    inner: S,
    total: Bound,
}

impl<S> DeadlineService<S> {
    /// Allows each call so much time, or less when its request carries an earlier deadline.
    #[must_use]
    pub fn new(inner: S, total: impl Into<Timeout>) -> Self {
        Self { inner, total: Bound::new(total.into()) }
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
    type Future = TimeoutFuture<S::Future, Option<Instant>>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    /// Reads the clock only for a request that carries a deadline; the system's, which tokio's timers obey too.
    #[inline(always)]
    fn call(&mut self, request: Request) -> Self::Future {
        let mut timeout = self.total.lend();
        let deadline = request.deadline();
        if let Some(at) = deadline {
            let left = at.saturating_duration_since(SystemClock.now());
            if left.is_zero() {
                timeout.after = left;
                return TimeoutFuture::new(None, timeout, None);
            }
            timeout.after = timeout.after.min(left);
        }
        TimeoutFuture { call: Some(self.inner.call(request)), timeout, deadline, timer: Timer::default() }
    }
}
