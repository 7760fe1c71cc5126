use std::time::Duration;

use tower::Layer;

use super::{DeadlineService, Timeout};

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
#[derive(Debug, Clone, Copy)]
pub struct TimeoutLayer {
    after: Duration,
}

impl TimeoutLayer {
    /// Allows each attempt this much time.
    #[must_use]
    pub const fn new(after: Duration) -> Self {
        Self { after }
    }
}

impl<S> Layer<S> for TimeoutLayer {
    type Service = Timeout<S>;

    fn layer(&self, inner: S) -> Timeout<S> {
        Timeout::new(inner, self.after)
    }
}

/// Bounds how long a whole call may take, and obeys the request's own deadline.
#[derive(Debug, Clone, Copy)]
pub struct DeadlineLayer {
    total: Duration,
}

impl DeadlineLayer {
    /// Allows each call this much time in all, or less when its request carries an earlier deadline.
    #[must_use]
    pub const fn new(total: Duration) -> Self {
        Self { total }
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = DeadlineService<S>;

    fn layer(&self, inner: S) -> DeadlineService<S> {
        DeadlineService::new(inner, self.total)
    }
}
