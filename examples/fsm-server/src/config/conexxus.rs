use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{Doc, Mistakes, Redacted, check_url};

/// The point-of-sale back office.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConexxusConfig {
    /// Base URL of its API; empty switches the integration off.
    pub url: String,
    /// The key it knows us by; empty switches the integration off.
    pub api_key: Redacted,
    /// How long an answer may take.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub timeout: Duration,
    /// How often a failed call is made again.
    pub retries: u32,
    /// The first wait between two calls; it doubles.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub retry_delay: Duration,
    /// The location whose sales are pushed.
    pub location_id: String,
    /// The location's time zone: the daily push is at 23:30 there.
    #[serde(with = "jiff::fmt::serde::tz::required")]
    pub zone: TimeZone,
}

impl Default for ConexxusConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            api_key: Redacted::default(),
            timeout: Duration::from_secs(30),
            retries: 3,
            retry_delay: Duration::from_secs(1),
            location_id: "default".to_owned(),
            zone: TimeZone::UTC,
        }
    }
}

pub(super) const DOCS: &[Doc] = &[
    ("url", "Base URL of its API (CONEXXUS_API_URL)."),
    ("api_key", "The key it knows us by; better set as CONEXXUS_API_KEY than written here."),
    ("timeout", "How long an answer may take (CONEXXUS_TIMEOUT, there in milliseconds)."),
    ("retries", "How often a failed call is made again (CONEXXUS_RETRIES)."),
    ("retry_delay", "The first wait between two calls; it doubles (CONEXXUS_RETRY_DELAY, there in milliseconds)."),
    ("location_id", "The location whose sales are pushed (LOCATION_ID)."),
    ("zone", "The location's IANA time zone: the daily push is at 23:30 there."),
];

impl ConexxusConfig {
    /// Whether the integration is switched on.
    #[must_use]
    pub fn enabled(&self) -> bool {
        !self.url.is_empty() && !self.api_key.is_empty()
    }

    pub(super) fn check(&self, found: &mut Mistakes) {
        if !self.url.is_empty() {
            check_url("conexxus.url", &self.url, found);
        }
        let both = self.url.is_empty() == self.api_key.is_empty();
        let fix = "set both to switch the integration on, neither to leave it off";
        found.require(both, "conexxus", "has one of url and api_key, but not the other", fix);
        found.require(!self.timeout.is_zero(), "conexxus.timeout", "must be longer than nothing", "write \"30s\"");
        found.require(self.retries <= 10, "conexxus.retries", "is out of range", "write 0 to 10");
        found.require(!self.location_id.is_empty(), "conexxus.location_id", "is empty", "write the location's id");
    }
}
