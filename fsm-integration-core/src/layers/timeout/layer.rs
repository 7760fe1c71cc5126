use tower::Layer;

use super::{DeadlineService, Timeout, TimeoutService};
use crate::{error::TimedOut, respond::RespondLayer};

/// Bounds how long one attempt may take.
///
/// ```
/// use std::{future::pending, time::Duration};
/// use fsm_integration_core::{error::{BoxError, TimedOut}, layers::timeout::TimeoutLayer};
/// use tower::{Layer, ServiceExt};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let hangs = tower::service_fn(|()| pending::<Result<(), BoxError>>());
/// let refused = TimeoutLayer::new(Duration::from_secs(30)).layer(hangs).oneshot(()).await.unwrap_err();
/// assert!(refused.is::<TimedOut>());
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct TimeoutLayer {
    timeout: Timeout,
}

impl TimeoutLayer {
    /// Allows each attempt so much time; a [`Duration`](std::time::Duration) does, or a [`Timeout`] with a name.
    #[must_use]
    pub fn new(timeout: impl Into<Timeout>) -> Self {
        Self { timeout: timeout.into() }
    }

    /// Answers a refusal instead of failing, where the service cannot fail; comes last.
    pub fn respond_with<F, Response>(self, answer: F) -> RespondLayer<Self, TimedOut, F>
    where
        F: Fn(TimedOut) -> Response,
    {
        RespondLayer::new(self, answer)
    }
}

impl<S> Layer<S> for TimeoutLayer {
    type Service = TimeoutService<S>;

    fn layer(&self, inner: S) -> TimeoutService<S> {
        TimeoutService::new(inner, self.timeout.clone())
    }
}

/// Bounds how long a whole call may take, and obeys the request's own deadline.
///
/// ```
/// use std::time::Duration;
/// use fsm_integration_core::{
///     clock::{Clock, SystemClock},
///     error::{BoxError, TimedOut},
///     layers::timeout::{Deadline, DeadlineLayer},
/// };
/// use tower::{Layer, ServiceExt};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let client = tower::service_fn(|_: http::Request<()>| async { Ok::<_, BoxError>("done") });
/// let client = DeadlineLayer::new(Duration::from_secs(60)).layer(client);
/// let mut late = http::Request::new(());
/// late.extensions_mut().insert(Deadline(SystemClock.now()));
/// assert!(client.clone().oneshot(late).await.unwrap_err().is::<TimedOut>());
/// assert_eq!(client.oneshot(http::Request::new(())).await.unwrap(), "done");
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct DeadlineLayer {
    total: Timeout,
}

impl DeadlineLayer {
    /// Allows each call so much time in all, or less when its request carries an earlier deadline.
    #[must_use]
    pub fn new(total: impl Into<Timeout>) -> Self {
        Self { total: total.into() }
    }

    /// Answers a refusal instead of failing, where the service cannot fail; comes last.
    pub fn respond_with<F, Response>(self, answer: F) -> RespondLayer<Self, TimedOut, F>
    where
        F: Fn(TimedOut) -> Response,
    {
        RespondLayer::new(self, answer)
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = DeadlineService<S>;

    fn layer(&self, inner: S) -> DeadlineService<S> {
        DeadlineService::new(inner, self.total.clone())
    }
}
