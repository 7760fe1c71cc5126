use std::time::Duration;

use serde::{Deserialize, Serialize};

/// When a second request is sent, and how many.
///
/// Default: one, after the 95th percentile of the latest answers, at least 1 ms; until 100 answers are measured after
/// 1 s.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HedgeConfig {
    /// Requests beside the first, each a delay after the one before; zero never hedges.
    pub max_hedges: u32,
    /// How long a request may take while too little is measured, or always when nothing is.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub delay: Duration,
    /// The part of answers that come before the measured delay, from 0 to 1; zero measures nothing.
    pub quantile: f64,
    /// How many answers must have been measured before they count.
    pub min_samples: u32,
    /// No measured delay is shorter.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub min_delay: Duration,
}

impl Default for HedgeConfig {
    fn default() -> Self {
        Self {
            max_hedges: 1,
            delay: Duration::from_secs(1),
            quantile: 0.95,
            min_samples: 100,
            min_delay: Duration::from_millis(1),
        }
    }
}
