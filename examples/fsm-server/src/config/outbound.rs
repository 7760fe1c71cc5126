use std::time::Duration;

use fsm_integration_core::profile;
use serde::{Deserialize, Serialize};

use super::{Doc, Mistakes};

/// Where the presets of calls to partners do not suit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OutboundConfig {
    /// The first wait before a failed call is made again; absent, the preset's.
    #[serde(with = "super::durations::optional")]
    pub retry_delay: Option<Duration>,
    /// How long a circuit breaker stays open before it asks again; absent, the preset's.
    #[serde(with = "super::durations::optional")]
    pub breaker_reset: Option<Duration>,
}

pub(super) const DOCS: &[Doc] = &[
    (
        "retry_delay",
        "The first wait before a failed call is made again; it doubles. Empty: 1s for sales systems, 2s for the ERP.",
    ),
    (
        "breaker_reset",
        "How long a circuit breaker stays open before it asks again. Empty: 60s for sales systems, 120s for the ERP.",
    ),
];

impl OutboundConfig {
    /// Lays these settings over a preset.
    #[must_use]
    pub fn over(&self, preset: profile::Profile) -> profile::OutboundConfig {
        let mut outbound = preset.config();
        outbound.retry.initial_delay = self.retry_delay.unwrap_or(outbound.retry.initial_delay);
        outbound.circuit_breaker.reset_timeout = self.breaker_reset.unwrap_or(outbound.circuit_breaker.reset_timeout);
        outbound
    }

    pub(super) fn check(&self, found: &mut Mistakes) {
        for (key, duration) in
            [("outbound.retry_delay", self.retry_delay), ("outbound.breaker_reset", self.breaker_reset)]
        {
            let waits = duration != Some(Duration::ZERO);
            found.require(waits, key, "must be longer than nothing", "write a duration such as \"1s\", or nothing");
        }
    }
}

#[cfg(test)]
mod tests {
    use fsm_integration_core::profile::Profile;

    use super::*;

    #[test]
    fn what_is_not_set_stays_the_presets() {
        for preset in Profile::ALL {
            assert_eq!(OutboundConfig::default().over(preset), preset.config());
        }
        let quick = OutboundConfig { retry_delay: Some(Duration::from_millis(5)), breaker_reset: None };
        let outbound = quick.over(Profile::ErpSystem);
        assert_eq!(outbound.retry.initial_delay, Duration::from_millis(5));
        assert_eq!(outbound.circuit_breaker, Profile::ErpSystem.config().circuit_breaker);
    }
}
