use std::time::Duration;

use serde::{Deserialize, Serialize};

/// When a breaker opens, how long it stays open, and how it closes again; a count of 0 is taken as 1.
///
/// Defaults: 5 failures in a row, 2 successes, 60 s, 1 probe, 60 s, cancelled calls not counted (requirements E9, E10);
/// the wait neither grows nor jitters. For the windows: half of at least 20 calls, slow calls not looked at.
///
/// ```
/// use std::time::Duration;
/// use fsm_integration_core::layers::circuit_breaker::{CircuitBreakerConfig, CircuitModel};
///
/// // Half of the last hundred calls failed, or most of them took more than two seconds.
/// let config = CircuitBreakerConfig {
///     model: CircuitModel::CountWindow { size: 100 },
///     slow_call_duration: Some(Duration::from_secs(2)),
///     slow_call_rate: 0.8,
///     ..Default::default()
/// };
/// let text = r#"{
///     "model": { "kind": "count_window", "size": 100 }, "slow_call_duration": "2s", "slow_call_rate": 0.8
/// }"#;
/// assert_eq!(serde_json::from_str::<CircuitBreakerConfig>(text).unwrap(), config);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CircuitBreakerConfig {
    /// How many failures in a row open it; for [`CircuitModel::Consecutive`] alone.
    pub failure_threshold: u32,
    /// How many probes must succeed to close it; with a `half_open_failure_rate`, how many are judged.
    pub success_threshold: u32,
    /// How long it stays open before a probe is let through.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub reset_timeout: Duration,
    /// How many probes may be under way at once; never more than are still needed.
    pub half_open_max_calls: u32,
    /// How long half-open may last while its probes tell nothing, from the first of them on; then it is open again.
    ///
    /// A probe that hangs tells nothing, nor does one that ends neutral or whose caller goes away. One that tells
    /// something gives the others so long anew, so that a partner that is slow but well closes it: half-open lasts
    /// so long for each probe that is judged at most, the time in which nobody asks not counted. Longer than the longest call
    /// that may still succeed.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub half_open_timeout: Duration,
    /// Whether a call that its caller dropped counts as a failure.
    pub count_cancelled: bool,
    /// Which results are looked at together.
    pub model: CircuitModel,
    /// Which part of a window's calls must have failed to open it, from 0 to 1; above 1 never.
    pub failure_rate: f64,
    /// How many calls a window must hold before it is judged; a count window's size at most.
    pub minimum_calls: u32,
    /// From which duration on, to 16 µs, a call counts as slow, in a window; absent, no call is timed.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::optional")]
    pub slow_call_duration: Option<Duration>,
    /// Which part of a window's calls, or of the probes, must have been slow to open it; above 1 never.
    pub slow_call_rate: f64,
    /// Which part of the judged probes must fail to open it again; absent, the first that fails does.
    pub half_open_failure_rate: Option<f64>,
    /// The factor from one wait to the next while it opens again and again; below 1 counts as 1.
    pub reset_multiplier: f64,
    /// No grown wait is longer, jitter included; a longer `reset_timeout` takes its place.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub max_reset_timeout: Duration,
    /// Which part of a wait a random part of is added to it, from 0 to 1.
    pub reset_jitter: f64,
    /// How long it must have been closed for the next wait to be the first again.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub stable_after: Duration,
    /// Up to which length a `Retry-After` of the failure that opens it lengthens the wait; zero never.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub max_retry_after: Duration,
}

impl Default for CircuitBreakerConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Which results a breaker looks at together.
///
/// | | opens | a success costs | for |
/// |---|---|---|---|
/// | `Consecutive` | on failures in a row | one load | partners that are down or not |
/// | `CountWindow` | on a rate of the last calls, exactly | one compare-and-swap | steady traffic, partial failures |
/// | `TimeWindow` | on a rate of the last seconds | a look at the clock and an add that threads do not share | heavy or uneven traffic |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CircuitModel {
    /// Failures since the last success.
    #[default]
    Consecutive,
    /// The last calls, exactly so many; memory grows with the failures among them only.
    CountWindow {
        /// How many calls.
        size: u32,
    },
    /// The calls of the last while, which ends now and begins with a bucket.
    TimeWindow {
        /// How long a while.
        #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
        duration: Duration,
        /// In how many steps old calls leave it, 1 to 1000.
        buckets: u32,
    },
}

impl CircuitBreakerConfig {
    /// The defaults, for constants.
    pub const DEFAULT: Self = Self {
        failure_threshold: 5,
        success_threshold: 2,
        reset_timeout: Duration::from_secs(60),
        half_open_max_calls: 1,
        half_open_timeout: Duration::from_secs(60),
        count_cancelled: false,
        model: CircuitModel::Consecutive,
        failure_rate: 0.5,
        minimum_calls: 20,
        slow_call_duration: None,
        slow_call_rate: 1.0,
        half_open_failure_rate: None,
        reset_multiplier: 1.0,
        max_reset_timeout: Duration::from_secs(600),
        reset_jitter: 0.0,
        stable_after: Duration::from_secs(60),
        max_retry_after: Duration::from_secs(300),
    };

    /// From how many nanoseconds on a call is slow, if calls are timed at all.
    pub(super) fn slow_nanos(&self) -> Option<u64> {
        let slow = self.slow_call_duration.filter(|_| self.model != CircuitModel::Consecutive)?;
        Some(crate::clock::nanos(slow))
    }

    /// How many probes are judged.
    pub(super) fn judged_probes(&self) -> u32 {
        self.success_threshold.max(1)
    }
}
