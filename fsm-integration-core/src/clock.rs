//! Time as a parameter: monotonic for durations, wall clock for dates, both replaceable.

use std::{
    future::Future,
    pin::Pin,
    time::{Duration, Instant},
};

use jiff::Timestamp;

/// A future that ends when a point in time is reached.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Monotonic time, for measuring and for state machines.
///
/// A type parameter with [`SystemClock`] as default wherever it is used, so that it costs one call.
pub trait Clock: Clone + Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> Instant;
}

/// Wall-clock time, for what is written down, signed or due at a date.
pub trait WallClock: Send + Sync + std::fmt::Debug + 'static {
    /// The present point in time.
    fn timestamp(&self) -> Timestamp;

    /// Ends when [`timestamp`](WallClock::timestamp) has reached `at`, at once if it has already.
    fn sleep_until(&self, at: Timestamp) -> Sleep;
}

/// The machine's clocks; the monotonic one obeys tokio's paused time in tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

impl WallClock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the wall clock is read")]
    fn timestamp(&self) -> Timestamp {
        Timestamp::now()
    }

    /// Looks again at least every minute, so that a stepped wall clock is noticed.
    fn sleep_until(&self, at: Timestamp) -> Sleep {
        const LOOK_AGAIN: Duration = Duration::from_secs(60);
        Box::pin(async move {
            loop {
                let left = Duration::try_from(Self.timestamp().duration_until(at)).unwrap_or(Duration::ZERO);
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(LOOK_AGAIN)).await;
            }
        })
    }
}
