use std::time::Duration;

use fsm_adapters_conexxus::{Conexxus, ConexxusConfig as AdapterConfig};
use fsm_integration_core::secret::Secret;
use http::HeaderValue;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{Doc, Mistakes, check_adapter, check_url};

/// All attempts of a call together are to have an end.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// The point-of-sale back office.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct ConexxusConfig {
    /// Base URL of its API; empty switches the integration off.
    pub url: String,
    /// The key it knows us by; absent, the integration is off.
    #[serde(with = "optional_secret")]
    pub api_key: Option<Secret<String>>,
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
            api_key: None,
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
        !self.url.is_empty() && self.api_key.is_some()
    }

    /// What the adapter takes of these settings.
    #[must_use]
    pub fn adapter(&self) -> AdapterConfig {
        AdapterConfig {
            base_url: self.url.trim_end_matches('/').to_owned(),
            location_id: self.location_id.clone(),
            time_zone: self.zone.iana_name().unwrap_or_default().to_owned(),
            timeout: self.timeout,
            retries: self.retries,
            retry_delay: self.retry_delay,
            ..AdapterConfig::default()
        }
    }

    pub(super) fn check(&self, found: &mut Mistakes) {
        if !self.url.is_empty() {
            check_url("conexxus.url", &self.url, found);
        }
        let both = self.url.is_empty() == self.api_key.is_none();
        let fix = "set both to switch the integration on, neither to leave it off";
        found.require(both, "conexxus", "has one of url and api_key, but not the other", fix);
        let bounded = !self.timeout.is_zero() && self.timeout <= LONGEST_TIMEOUT;
        let fix = "write more than nothing and at most \"1h\", as in \"30s\", or 30000 in CONEXXUS_TIMEOUT";
        found.require(bounded, "conexxus.timeout", "is out of range", fix);
        found.require(self.retries <= 10, "conexxus.retries", "is out of range", "write 0 to 10");
        if self.enabled() {
            check_adapter(self.adapter().check(), key_of, found);
        }
        if let Some(api_key) = &self.api_key {
            check_api_key(api_key, found);
        }
    }
}

fn check_api_key(api_key: &Secret<String>, found: &mut Mistakes) {
    let (key, text) = ("conexxus.api_key", api_key.expose());
    let fix = "take the key as the back office gave it, without quotes and line ends";
    found.require(HeaderValue::try_from(text).is_ok(), key, "holds characters that no header takes", fix);
    let fix = format!("a key has at least {} characters", Conexxus::MIN_KEY);
    found.require(text.len() >= Conexxus::MIN_KEY, key, "is too short", &fix);
}

/// The key that a field of the adapter's settings is set by.
fn key_of(field: &str) -> String {
    let name = match field {
        "base_url" => "url",
        "time_zone" => "zone",
        same => same,
    };
    format!("conexxus.{name}")
}

/// A secret or nothing, nothing being the empty string: so the example file can show the key.
mod optional_secret {
    use fsm_integration_core::secret::Secret;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &Option<Secret<String>>, serializer: S) -> Result<S::Ok, S::Error> {
        match secret {
            Some(secret) => secret.serialize(serializer),
            None => serializer.serialize_str(""),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret<String>>, D::Error> {
        let secret = Secret::<String>::deserialize(deserializer)?;
        Ok((!secret.expose().is_empty()).then_some(secret))
    }
}
