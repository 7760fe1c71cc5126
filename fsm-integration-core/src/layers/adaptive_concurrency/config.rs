use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Between what bounds the limit moves, by which rule, and who may wait.
///
/// Defaults: from 20, between 1 and 200, by [`GradientConfig`], no queue.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptiveConcurrencyConfig {
    /// The limit to begin with; brought to between `min` and `max`.
    pub initial: usize,
    /// The lowest limit; 0 is taken as 1.
    pub min: usize,
    /// The highest limit; one below `min` is taken as `min`.
    pub max: usize,
    /// How many calls may wait for a place; those beyond are refused.
    pub max_queued: usize,
    /// How long a call may wait for its place before it is refused; `None` is as long as the caller waits.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::optional")]
    pub max_wait: Option<Duration>,
    /// The rule by which the limit moves.
    pub algorithm: LimitAlgorithm,
}

/// The rule by which the limit moves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitAlgorithm {
    /// A step up for each round of good calls, a share down for a bad one.
    Aimd(AimdConfig),
    /// By how much slower calls are now than they usually are.
    Gradient(GradientConfig),
}

/// Additive increase, multiplicative decrease, as TCP does it.
///
/// Defaults: a share of 0.9 and 5 s (those of Netflix's `AIMDLimit`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AimdConfig {
    /// What is left of the limit after an overload; between 0.5 and 1, else brought there.
    pub backoff_ratio: f64,
    /// A call that takes longer than this is one sign of overload, whatever its result.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub latency_threshold: Duration,
}

/// Gradient of the latency, as in Netflix's `Gradient2Limit`.
///
/// Defaults: windows of 1 s and at least 10 calls, 600 of them for the usual latency, tolerance 1.5, smoothing 0.2,
/// a share of 0.9 (those of Netflix's `Gradient2Limit`, `WindowedLimit` and `AIMDLimit`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GradientConfig {
    /// Over how long the present latency is averaged before the limit moves.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub window: Duration,
    /// How many calls a window has at least.
    pub min_samples: u32,
    /// Over how many windows the usual latency is averaged; 0 is taken as 1.
    pub long_window: u32,
    /// How many times the usual latency is still good; at least 1, else brought there.
    pub tolerance: f64,
    /// How much of the way to its new value the limit goes at once; between 0.01 and 1, else brought there.
    pub smoothing: f64,
    /// What is left of the limit after an overload that an error told of; between 0.5 and 1, else brought there.
    pub backoff_ratio: f64,
}

impl Default for AdaptiveConcurrencyConfig {
    fn default() -> Self {
        Self {
            initial: 20,
            min: 1,
            max: 200,
            max_queued: 0,
            max_wait: None,
            algorithm: LimitAlgorithm::Gradient(GradientConfig::default()),
        }
    }
}

impl Default for AimdConfig {
    fn default() -> Self {
        Self { backoff_ratio: 0.9, latency_threshold: Duration::from_secs(5) }
    }
}

impl Default for GradientConfig {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(1),
            min_samples: 10,
            long_window: 600,
            tolerance: 1.5,
            smoothing: 0.2,
            backoff_ratio: 0.9,
        }
    }
}
