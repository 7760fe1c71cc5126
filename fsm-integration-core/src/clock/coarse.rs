use std::time::{Duration, Instant};

use super::{Clock, Origin, SystemClock};

/// A monotonic clock that is cheap to look at and a few milliseconds coarse.
///
/// On Linux and Android it reads the kernel's `CLOCK_MONOTONIC_COARSE`: about 3 ns instead of 22 ns, in steps of the
/// kernel's tick (1 to 10 ms, usually 4 ms). Elsewhere it is [`SystemClock`]. It never goes back, needs no thread, and
/// does **not** obey tokio's paused time.
///
/// Good for circuit breakers, token buckets and retry budgets, whose times are far longer than a tick: a bucket stays
/// exact in what it gives out over time, and gives it out up to a tick late. Not for measuring short durations.
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
    #[inline]
    fn nanos_since(&self, origin: &Origin) -> u64 {
        reading().saturating_sub(origin.reading)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    #[inline]
    fn nanos_since(&self, origin: &Origin) -> u64 {
        super::nanos(SystemClock.now().saturating_duration_since(origin.instant))
    }
}

/// Nanoseconds since the machine started, as of the kernel's last tick.
///
/// The one `unsafe` of this crate. Why it is here: neither std nor a crate that is in the tree anyway reads this clock,
/// and any other look at the time (9 ns by the time stamp counter, 22 ns by std) is more than what a refused call (4 ns)
/// or a token (10 ns) may cost.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline]
#[allow(unsafe_code)]
fn reading() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid, exclusive place for one `timespec`, and the call keeps no pointer to it. If it fails,
    // which it does only for a clock that the kernel does not know, `time` stays what it was.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut time) };
    // Neither is ever negative.
    (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn reading() -> u64 {
    0
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
}
