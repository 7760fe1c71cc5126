use std::time::Duration;

use serde::{Deserialize, Serialize};

/// When a breaker opens, and how it closes again; a count of 0 is taken as 1.
///
/// Defaults: 5 failures, 2 successes, 60 s, 1 probe, 60 s, cancelled calls not counted (requirements E9, E10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CircuitBreakerConfig {
    /// How many failures in a row open it.
    pub failure_threshold: u32,
    /// How many probes must succeed to close it.
    pub success_threshold: u32,
    /// How long it stays open before a probe is let through.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub reset_timeout: Duration,
    /// How many probes may be under way at once; never more than still have to succeed.
    pub half_open_max_calls: u32,
    /// How long probes may stay without a result before the breaker opens again.
    ///
    /// Longer than the longest call that may still succeed.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub half_open_timeout: Duration,
    /// Whether a call that its caller dropped counts as a failure.
    pub count_cancelled: bool,
}

impl Default for CircuitBreakerConfig {
    fn default() -> Self {
        Self {
            failure_threshold: 5,
            success_threshold: 2,
            reset_timeout: Duration::from_secs(60),
            half_open_max_calls: 1,
            half_open_timeout: Duration::from_secs(60),
            count_cancelled: false,
        }
    }
}
