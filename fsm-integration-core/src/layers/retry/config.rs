use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How often, how long and how scattered to wait between attempts.
///
/// Default: the sales preset: 3 retries, 1 s doubling to at most 30 s, additive jitter of 10 %, and a
/// `Retry-After` of at most 30 s is waited for (requirement W11).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryConfig {
    /// Attempts after the first; zero never retries.
    pub max_retries: u32,
    /// The wait before the first retry.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub initial_delay: Duration,
    /// No computed wait is longer, jitter included.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub max_delay: Duration,
    /// The factor from one wait to the next; below 1 counts as 1.
    pub multiplier: f64,
    /// How much of a wait additive jitter adds at most, from 0 to 1.
    pub jitter_factor: f64,
    /// How waits are scattered.
    pub jitter: Jitter,
    /// The longest hint of the other side that is waited for within a call; a longer one ends it.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub max_retry_after: Duration,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            max_retries: 3,
            initial_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(30),
            multiplier: 2.0,
            jitter_factor: 0.1,
            jitter: Jitter::Additive,
            max_retry_after: Duration::from_secs(30),
        }
    }
}

/// How waits are scattered, so that clients that failed together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Jitter {
    /// Up to `jitter_factor` more; near the cap the window slides down to end at the cap.
    #[default]
    Additive,
    /// Half fixed, half random.
    Equal,
    /// Anything from zero to the exponential wait.
    Full,
    /// Anything from the initial wait to three times the wait before.
    Decorrelated,
    /// No scatter; only for a single client.
    None,
}
