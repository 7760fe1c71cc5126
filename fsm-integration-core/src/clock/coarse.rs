use std::{
    mem::MaybeUninit,
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{Clock, Origin, Sleep, SystemClock, WallClock};

/// A monotonic clock and a wall clock that are cheap to look at and a few milliseconds coarse.
///
/// On Linux and Android it reads the kernel's `CLOCK_MONOTONIC_COARSE`: 3 to 5 ns instead of 22 ns, in steps of the
/// kernel's tick (1 to 10 ms, usually 4 ms). Elsewhere it is [`SystemClock`]. It never goes back, needs no thread, and
/// does **not** obey tokio's paused time. As a [`WallClock`] it reads `CLOCK_REALTIME_COARSE`, which is set as the
/// machine's own wall clock is: about 5 ns instead of 26 ns.
///
/// Good for circuit breakers, token buckets and retry budgets, whose times are far longer than a tick: a bucket stays
/// exact in what it gives out over time, and gives it out up to a tick late. Good for a webhook's timestamp, too. Not for
/// measuring short durations.
///
/// ```
/// use fsm_integration_core::{clock::CoarseClock, layers::circuit_breaker::CircuitBreaker};
///
/// let breaker = CircuitBreaker::with_clock("erp", Default::default(), CoarseClock::new());
/// # assert_eq!(breaker.name(), "erp");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct CoarseClock {
    anchor: Origin,
}

impl CoarseClock {
    /// Creates the clock; any two agree to within a tick.
    #[must_use]
    pub fn new() -> Self {
        Self { anchor: Origin { instant: SystemClock.now(), reading: reading() } }
    }
}

impl Default for CoarseClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for CoarseClock {
    #[inline]
    fn now(&self) -> Instant {
        self.anchor.instant + Duration::from_nanos(self.nanos_since(&self.anchor))
    }

    #[inline]
    fn origin(&self) -> Origin {
        let reading = reading();
        let since_anchor = Duration::from_nanos(reading.saturating_sub(self.anchor.reading));
        Origin { instant: self.anchor.instant + since_anchor, reading }
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[inline(always)]
    fn nanos_since(&self, origin: &Origin) -> u64 {
        reading().saturating_sub(origin.reading)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    #[inline]
    fn nanos_since(&self, origin: &Origin) -> u64 {
        super::nanos(SystemClock.now().saturating_duration_since(origin.instant))
    }
}

/// Late by a tick at most; a point in time that it has reached has been reached.
impl WallClock for CoarseClock {
    #[inline]
    fn timestamp(&self) -> Timestamp {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(now) = date() {
            return now;
        }
        SystemClock.timestamp()
    }

    /// Looks again at least every minute, so that a stepped wall clock is noticed.
    fn sleep_until(&self, at: Timestamp) -> Sleep {
        super::sleep_until(*self, at)
    }
}

/// Nanoseconds since the machine started, as of the kernel's last tick.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline]
fn reading() -> u64 {
    let time = read(libc::CLOCK_MONOTONIC_COARSE);
    // Neither is ever negative.
    (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn reading() -> u64 {
    0
}

/// The wall clock as of the kernel's last tick; `None` where it is set to what is no date.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline]
#[allow(clippy::useless_conversion, reason = "seconds have 32 bits on some targets")]
fn date() -> Option<Timestamp> {
    let time = read(libc::CLOCK_REALTIME_COARSE);
    Timestamp::new(time.tv_sec.into(), i32::try_from(time.tv_nsec).ok()?).ok()
}

/// One of the kernel's clocks.
///
/// The one `unsafe` of this crate. Why it is here: neither std nor a crate that is in the tree anyway reads the coarse
/// clocks, and any other look at the time (9 ns by the time stamp counter, 22 ns by std) is more than what a refused
/// call (4 ns) or a token (10 ns) may cost.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline]
#[allow(unsafe_code)]
fn read(clock: libc::clockid_t) -> libc::timespec {
    let mut time = MaybeUninit::uninit();
    // SAFETY: `time` is a valid, exclusive place for one `timespec`, and the call keeps no pointer to it. It is all written
    // if the call says that it did not fail, which it does only for a clock that the kernel does not know.
    unsafe {
        if libc::clock_gettime(clock, time.as_mut_ptr()) == 0 {
            return time.assume_init();
        }
    }
    libc::timespec { tv_sec: 0, tv_nsec: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel's longest tick.
    const TICK: Duration = Duration::from_millis(10);

    #[test]
    fn it_keeps_up_with_the_exact_clock_and_never_goes_back() {
        let clock = CoarseClock::new();
        let origin = clock.origin();
        let began = SystemClock.now();
        let mut last = clock.now();
        // Long enough for several ticks, and bounded by the exact clock.
        while SystemClock.now() - began < 5 * TICK {
            let now = clock.now();
            assert!(now >= last);
            last = now;
        }
        let exact = SystemClock.now() - began;
        let coarse = Duration::from_nanos(clock.nanos_since(&origin));
        assert!(coarse.abs_diff(exact) <= 3 * TICK, "{coarse:?} against {exact:?}");
        assert!((last - began).abs_diff(exact) <= 3 * TICK);
    }

    #[test]
    fn clones_count_from_each_others_origins() {
        let clock = CoarseClock::new();
        let origin = clock.origin();
        let clone = clock;
        assert!(clone.nanos_since(&origin) < 1_000_000_000);
    }

    #[test]
    fn it_keeps_up_with_the_exact_wall_clock_and_is_never_ahead_of_it() {
        let (clock, began) = (CoarseClock::new(), SystemClock.now());
        while SystemClock.now() - began < 3 * TICK {
            let (before, coarse, after) = (SystemClock.timestamp(), clock.timestamp(), SystemClock.timestamp());
            assert!(coarse <= after, "{coarse} after {after}");
            // Twice, since a machine that is busy ticks late.
            let behind = before.duration_since(coarse);
            assert!(behind <= jiff::SignedDuration::try_from(2 * TICK).expect("short"), "{behind:?}");
        }
    }

    #[tokio::test]
    async fn it_sleeps_until_it_shows_the_date_itself() {
        let clock = CoarseClock::new();
        let at = clock.timestamp() + TICK;
        clock.sleep_until(at).await;
        assert!(clock.timestamp() >= at);
        clock.sleep_until(Timestamp::MIN).await;
    }
}
