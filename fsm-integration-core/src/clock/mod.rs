//! Time as a parameter: monotonic for durations, wall clock for dates, both replaceable.
//!
//! | clock | one look (x86-64 Linux) | resolution | for |
//! |---|---|---|---|
//! | [`SystemClock`] | 22 ns, the wall clock 26 ns | a nanosecond | the default; obeys tokio's paused time |
//! | [`CoarseClock`] | 3 ns, the wall clock 5 ns | 1 to 10 ms | handles that every call of a busy service passes |
//! | [`VirtualClock`](crate::testing::VirtualClock) | | | tests |

mod coarse;
mod ticks;

use std::{
    future::Future,
    pin::Pin,
    time::{Duration, Instant},
};

use jiff::Timestamp;

pub use self::coarse::CoarseClock;
pub(crate) use self::ticks::Ticks;

/// A future that ends when a point in time is reached.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Monotonic time, for measuring and for state machines.
///
/// A type parameter with [`SystemClock`] as default wherever it is used, so that it costs one call.
pub trait Clock: Clone + Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> Instant;

    /// The present, as a point to count nanoseconds from.
    #[inline]
    fn origin(&self) -> Origin {
        Origin { instant: self.now(), reading: 0 }
    }

    /// Nanoseconds since an [`origin`](Self::origin) of this clock or of a clone; 584 years at most.
    ///
    /// What state machines count in. A clock that counts by itself answers without the detour over [`Instant`].
    #[inline]
    fn nanos_since(&self, origin: &Origin) -> u64 {
        nanos(self.now().saturating_duration_since(origin.instant))
    }
}

/// Where a [`Clock`] began to count for somebody.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    instant: Instant,
    /// The same point as the clock itself counts, if it does.
    reading: u64,
}

impl Origin {
    /// The instant it stands for.
    #[must_use]
    pub const fn instant(&self) -> Instant {
        self.instant
    }
}

/// A duration in nanoseconds; a longer one becomes the longest, 584 years.
#[must_use]
#[inline]
pub const fn nanos(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(duration.subsec_nanos() as u64)
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
    #[inline]
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
        sleep_until(*self, at)
    }
}

fn sleep_until(clock: impl WallClock, at: Timestamp) -> Sleep {
    const LOOK_AGAIN: Duration = Duration::from_secs(60);
    Box::pin(async move {
        loop {
            let left = Duration::try_from(clock.timestamp().duration_until(at)).unwrap_or(Duration::ZERO);
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LOOK_AGAIN)).await;
        }
    })
}
