//! How long to wait before which retry: pure arithmetic that saturates.

use std::time::Duration;

use super::{Jitter, RetryConfig};

impl RetryConfig {
    /// The wait before retry `attempt` (from 0), never above `max_delay`; `random` is from 0 to 1.
    ///
    /// ```
    /// use std::time::Duration;
    /// use fsm_integration_core::layers::retry::RetryConfig;
    ///
    /// let config = RetryConfig::default();
    /// assert_eq!(config.delay(0, 0.0), Duration::from_secs(1));
    /// assert_eq!(config.delay(2, 0.5), Duration::from_millis(4_200));
    /// assert!(config.delay(u32::MAX, 1.0) <= config.max_delay);
    /// ```
    #[must_use]
    pub fn delay(&self, attempt: u32, random: f64) -> Duration {
        let previous = attempt.checked_sub(1).map(|before| self.exponential(before));
        self.delay_after(previous, attempt, random)
    }

    /// As [`delay`](Self::delay), with the wait before, which only decorrelated jitter looks at.
    #[must_use]
    pub fn delay_after(&self, previous: Option<Duration>, attempt: u32, random: f64) -> Duration {
        let random = fraction(random);
        let exponential = self.exponential(attempt);
        let delay = match self.jitter {
            Jitter::None => exponential,
            Jitter::Full => scale(exponential, random),
            Jitter::Equal => exponential / 2 + scale(exponential - exponential / 2, random),
            Jitter::Additive => {
                let factor = fraction(self.jitter_factor);
                // Cutting at the cap instead would bring every client back at the same instant.
                let base = exponential.min(scale(self.max_delay, 1.0 / (1.0 + factor)));
                base.saturating_add(scale(base, factor * random))
            }
            Jitter::Decorrelated => {
                let low = self.initial_delay.min(self.max_delay);
                let high = previous.unwrap_or(low).saturating_mul(3).clamp(low, self.max_delay);
                low + scale(high - low, random)
            }
        };
        delay.min(self.max_delay)
    }

    /// The waits of one call, one after another, scattered afresh each time; the same for every class of failures.
    #[must_use]
    pub fn delays(&self) -> RetryDelays {
        RetryDelays { config: *self, progress: Progress::default() }
    }

    fn exponential(&self, attempt: u32) -> Duration {
        if self.initial_delay.is_zero() {
            return Duration::ZERO;
        }
        let exponent = i32::try_from(attempt).unwrap_or(i32::MAX);
        scale(self.initial_delay, self.multiplier.max(1.0).powi(exponent)).min(self.max_delay)
    }
}

/// How far a call has got in its schedule.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    /// How many waits have been given out.
    pub(super) attempt: u32,
    previous: Option<Duration>,
}

impl Progress {
    /// The next wait for a given `random` from 0 to 1, `None` when no retry is left; does not count it.
    pub(super) fn peek(&self, config: &RetryConfig, random: f64) -> Option<Duration> {
        (self.attempt < config.max_retries).then(|| config.delay_after(self.previous, self.attempt, random))
    }

    /// Counts a wait as given out.
    pub(super) fn advance(&mut self, delay: Duration) {
        self.attempt = self.attempt.saturating_add(1);
        self.previous = Some(delay);
    }
}

/// The waits of one call; ends after `max_retries`.
#[derive(Debug, Clone)]
pub struct RetryDelays {
    config: RetryConfig,
    progress: Progress,
}

impl RetryDelays {
    /// How many waits have been given out.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.progress.attempt
    }

    #[cfg(feature = "backoff")]
    pub(super) fn restart(&mut self) {
        self.progress = Progress::default();
    }
}

impl Iterator for RetryDelays {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let delay = self.progress.peek(&self.config, fastrand::f64())?;
        self.progress.advance(delay);
        Some(delay)
    }
}

/// What a setting or a random number may be: from 0 to 1, and not a number counts as 0.
pub(super) fn fraction(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
}

/// A duration times a factor that is not negative; too long becomes the longest.
pub(super) fn scale(duration: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const JITTERS: [Jitter; 5] = [Jitter::Additive, Jitter::Equal, Jitter::Full, Jitter::Decorrelated, Jitter::None];

    fn config() -> impl Strategy<Value = RetryConfig> {
        let durations = (any::<Duration>(), any::<Duration>());
        (durations, any::<f64>(), any::<f64>(), prop::sample::select(&JITTERS[..])).prop_map(
            |((initial_delay, max_delay), multiplier, jitter_factor, jitter)| RetryConfig {
                initial_delay,
                max_delay,
                multiplier,
                jitter_factor,
                jitter,
                ..RetryConfig::default()
            },
        )
    }

    fn seconds(config: &RetryConfig, random: f64) -> Vec<f64> {
        (0..6).map(|attempt| config.delay(attempt, random).as_secs_f64()).collect()
    }

    #[test]
    fn the_seed_numbers_double_up_to_the_cap() {
        let config = RetryConfig { jitter: Jitter::None, ..RetryConfig::default() };
        assert_eq!(seconds(&config, 0.0), [1.0, 2.0, 4.0, 8.0, 16.0, 30.0]);
    }

    // F-R2.
    #[test]
    fn at_the_cap_clients_do_not_align() {
        for jitter in [Jitter::Additive, Jitter::Equal, Jitter::Full, Jitter::Decorrelated] {
            let config = RetryConfig { jitter, ..RetryConfig::default() };
            assert!(config.delay(40, 0.0) < config.delay(40, 0.5), "{jitter:?}");
            assert!(config.delay(40, 0.5) < config.delay(40, 1.0), "{jitter:?}");
            assert_eq!(config.delay(40, 1.0), config.max_delay, "{jitter:?}");
        }
    }

    #[test]
    fn decorrelated_waits_follow_the_wait_before() {
        let config = RetryConfig { jitter: Jitter::Decorrelated, ..RetryConfig::default() };
        let after = |previous| config.delay_after(Some(Duration::from_secs(previous)), 9, 1.0);
        assert_eq!(
            (after(1), after(4), after(20)),
            (Duration::from_secs(3), Duration::from_secs(12), config.max_delay)
        );
    }

    #[test]
    fn the_iterator_ends_after_the_last_retry() {
        assert_eq!(RetryConfig::default().delays().count(), 3);
        assert_eq!(RetryConfig { max_retries: 0, ..RetryConfig::default() }.delays().count(), 0);
    }

    #[test]
    fn the_iterator_counts_the_waits_that_it_gave_out() {
        let mut delays = RetryConfig::default().delays();
        let counted = [(); 5].map(|()| (delays.attempt(), delays.next().is_some()));
        assert_eq!(counted, [(0, true), (1, true), (2, true), (3, false), (3, false)]);
    }

    proptest! {
        // F-R2: whatever the settings, nothing panics and the cap holds.
        #[test]
        fn no_wait_is_above_the_cap(config in config(), attempt: u32, random: f64, previous: Option<Duration>) {
            prop_assert!(config.delay(attempt, random) <= config.max_delay);
            prop_assert!(config.delay_after(previous, attempt, random) <= config.max_delay);
        }

        // Each mode in its own words, computed naively, without a library's saturation.
        #[test]
        fn every_mode_stays_within_its_own_bounds(
            (initial, cap) in (0.0..1_000.0_f64, 0.0..1_000.0_f64),
            multiplier in 0.5..4.0_f64,
            factor in 0.0..=1.0_f64,
            attempt in 0..12_u32,
            previous in 0.0..2_000.0_f64,
            random in 0.0..=1.0_f64,
        ) {
            let config = RetryConfig {
                initial_delay: Duration::from_secs_f64(initial),
                max_delay: Duration::from_secs_f64(cap),
                multiplier,
                jitter_factor: factor,
                ..RetryConfig::default()
            };
            let grown = (0..attempt).fold(initial, |delay, _| delay * multiplier.max(1.0)).min(cap);
            for jitter in JITTERS {
                let delay = RetryConfig { jitter, ..config }.delay_after(Some(Duration::from_secs_f64(previous)), attempt, random);
                let (low, high) = match jitter {
                    Jitter::None => (grown, grown),
                    Jitter::Full => (0.0, grown),
                    Jitter::Equal => (grown / 2.0, grown),
                    Jitter::Additive => (grown.min(cap / (1.0 + factor)), cap.min(grown * (1.0 + factor))),
                    Jitter::Decorrelated => (initial.min(cap), (previous * 3.0).clamp(initial.min(cap), cap)),
                };
                let (delay, slack) = (delay.as_secs_f64(), 1e-6);
                prop_assert!((low - slack..=high + slack).contains(&delay), "{jitter:?}: {delay} not in {low}..={high}");
            }
        }

        #[test]
        fn waits_grow_up_to_the_cap_and_stay_there(config in config(), attempt in 0..u32::MAX, random in 0.0..=1.0) {
            for jitter in [Jitter::Additive, Jitter::Equal, Jitter::Full, Jitter::None] {
                let config = RetryConfig { jitter, ..config };
                prop_assert!(config.delay(attempt, random) <= config.delay(attempt + 1, random), "{jitter:?}");
                prop_assert!(config.delay(attempt, random) <= config.delay(u32::MAX, random), "{jitter:?}");
            }
        }

        #[test]
        fn additive_jitter_only_adds(attempt in 0..64_u32, random in 0.0..=1.0, factor in 0.0..=1.0) {
            let config = RetryConfig { jitter_factor: factor, ..RetryConfig::default() };
            let base = config.exponential(attempt).min(scale(config.max_delay, 1.0 / (1.0 + factor)));
            prop_assert!(config.delay(attempt, random) >= base);
            prop_assert!(config.delay(attempt, random) >= config.initial_delay);
        }
    }
}
