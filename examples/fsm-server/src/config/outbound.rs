use std::{net::IpAddr, time::Duration};

use fsm_integration_core::{
    egress::{AddressRange, TargetPolicy, TargetRefused},
    profile,
};
use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::{Doc, Mistake, Mistakes};

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
    /// Networks that partners may be in although they are not public; none by default.
    pub allowed_networks: Vec<AddressRange>,
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
    (
        "allowed_networks",
        "Networks of your own that partners are in, as in [\"10.20.0.0/16\", \"fd00::/8\"]. Calls go to public addresses\n\
         and to these only, whatever a name resolves to; a base URL on this machine needs no entry.",
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

    /// Where calls to a base URL may connect to: over TLS unless it says http, to this machine only if it says so.
    #[must_use]
    pub fn policy(&self, base_url: &Url) -> TargetPolicy {
        let local = base_url.host_str() == Some("localhost") || address(base_url).is_some_and(|ip| ip.is_loopback());
        let mut policy = if local { TargetPolicy::loopback() } else { TargetPolicy::default() };
        policy.https_only = base_url.scheme() == "https";
        policy.allow.extend(&self.allowed_networks);
        policy
    }

    /// A name is looked up with every connection; an address can be judged now.
    pub(super) fn check_target(&self, key: &str, base_url: &str, found: &mut Mistakes) {
        let Ok(url) = base_url.parse::<Url>() else { return };
        if self.policy(&url).check_url(url.as_str()) != Err(TargetRefused::Address) {
            return;
        }
        let address = address(&url).map(|ip| ip.to_string()).unwrap_or_default();
        let problem = format!("calls {address}, which is no public address");
        let fix = "add it or its range to outbound.allowed_networks if it is in your own network";
        found.push(Mistake::of(key, problem, fix));
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

/// The address in place of a name.
fn address(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
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
        let quick = OutboundConfig { retry_delay: Some(Duration::from_millis(5)), ..OutboundConfig::default() };
        let outbound = quick.over(Profile::ErpSystem);
        assert_eq!(outbound.retry.initial_delay, Duration::from_millis(5));
        assert_eq!(outbound.circuit_breaker, Profile::ErpSystem.config().circuit_breaker);
    }

    #[test]
    fn a_partner_is_public_or_in_an_allowed_network() {
        let reaches = |config: &OutboundConfig, base_url: &str, address: &str| {
            let policy = config.policy(&base_url.parse().expect("a URL"));
            policy.check_address(address.parse().expect("an address")).is_ok()
        };
        let office = "https://erp.corp.test";
        let open = OutboundConfig {
            allowed_networks: vec!["10.0.0.0/8".parse().expect("a range")],
            ..OutboundConfig::default()
        };
        for (config, private) in [(&OutboundConfig::default(), false), (&open, true)] {
            assert_eq!(reaches(config, office, "10.1.2.3"), private);
            assert!(reaches(config, office, "93.184.215.14"));
            assert!(!reaches(config, office, "169.254.169.254") && !reaches(config, office, "127.0.0.1"));
            for local in ["http://localhost:9", "https://127.0.0.1", "http://[::1]:9"] {
                assert!(reaches(config, local, "127.0.0.1") && !reaches(config, local, "192.168.0.1"), "{local}");
            }
        }
    }
}
