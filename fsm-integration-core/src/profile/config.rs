use std::{num::NonZeroU32, time::Duration};

use serde::{Deserialize, Serialize};

use super::Profile;
use crate::layers::{
    circuit_breaker::CircuitBreakerConfig,
    rate_limit::Quota,
    retry::{RetryBudgetConfig, RetryConfig},
};

/// Everything that can be set about calls to one partner.
///
/// Default: [`Profile::SalesSystem`]. Fields that are left out of a file take the sales preset's values, so
/// lay a file over the written form of the preset that is meant.
///
/// ```
/// use std::time::Duration;
/// use fsm_integration_core::profile::{OutboundConfig, Profile};
///
/// let file = r#"{
///     "attempt_timeout": "10s",
///     "circuit_breaker": { "failure_threshold": 3, "reset_timeout": "30s" },
///     "rate_limit": { "capacity": 50, "per_second": 5 }
/// }"#;
/// let config: OutboundConfig = serde_json::from_str(file).unwrap();
/// assert_eq!(config.attempt_timeout, Duration::from_secs(10));
/// assert_eq!(config.retry, Profile::SalesSystem.config().retry, "what is left out is the sales preset's");
/// assert!(serde_json::from_str::<OutboundConfig>(r#"{ "timeout": "10s" }"#).is_err(), "a typo is found");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutboundConfig {
    /// How long one attempt may take, its answer's body included.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub attempt_timeout: Duration,
    /// How long the whole call may take, retries and waits included.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub total_deadline: Duration,
    /// When to stop calling a partner that keeps failing.
    pub circuit_breaker: CircuitBreakerConfig,
    /// How to repeat what may pass.
    pub retry: RetryConfig,
    /// How many retries all calls may cause together.
    pub retry_budget: RetryBudgetConfig,
    /// How fast to call.
    pub rate_limit: BucketConfig,
}

impl Default for OutboundConfig {
    fn default() -> Self {
        Profile::SalesSystem.config()
    }
}

/// The outbound bucket's size and speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BucketConfig {
    /// Most calls at once.
    pub capacity: NonZeroU32,
    /// Calls that flow in each second.
    pub per_second: NonZeroU32,
}

impl BucketConfig {
    /// The quota that these settings mean.
    #[must_use]
    pub const fn quota(&self) -> Quota {
        Quota::per_second(self.capacity, self.per_second)
    }
}
