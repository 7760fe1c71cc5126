use std::time::Duration;

use fsm_integration_core::error::FieldErrors;
use jiff::civil::Time;
use serde::{Deserialize, Serialize};

use crate::business_day::BusinessDay;

/// Where the back office is, and which location this is.
///
/// The API key is no part of it: it is a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConexxusConfig {
    /// Scheme and host; required (`CONEXXUS_API_URL`).
    pub base_url: String,
    /// The location whose sales are pushed; required (`LOCATION_ID`).
    pub location_id: String,
    /// The location's IANA time zone, as in `America/New_York`; required.
    pub time_zone: String,
    /// Local time of the daily push; default 23:30.
    pub push_at: Time,
    /// Longest time for one attempt; default 30 s (`CONEXXUS_TIMEOUT`).
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub timeout: Duration,
    /// Attempts after the first; default 3 (`CONEXXUS_RETRIES`).
    pub retries: u32,
    /// Delay before the first retry, then doubled: 1, 2, 4 s; default 1 s (`CONEXXUS_RETRY_DELAY`).
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub retry_delay: Duration,
}

impl Default for ConexxusConfig {
    fn default() -> Self {
        Self {
            base_url: String::new(),
            location_id: String::new(),
            time_zone: String::new(),
            push_at: Time::constant(23, 30, 0, 0),
            timeout: Duration::from_secs(30),
            retries: 3,
            retry_delay: Duration::from_secs(1),
        }
    }
}

impl ConexxusConfig {
    /// Largest answer that the back office gives, in bytes: 50 MiB.
    pub const MAX_ANSWER: usize = 50 * 1024 * 1024;

    /// Checks everything that has no default, and that nothing is a placeholder.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn check(&self) -> Result<(), FieldErrors> {
        let mut errors = FieldErrors::default();
        if !self.base_url.parse().is_ok_and(|uri| is_real(&uri)) {
            errors.push("base_url", "must be the URL of the back office, http or https, not the example's");
        }
        if !is_location(&self.location_id) {
            errors.push("location_id", "must be the location's own id: 1 to 64 of A-Z a-z 0-9 . _ -, not 'default'");
        }
        if BusinessDay::new(&self.time_zone, self.push_at).is_err() {
            errors.push("time_zone", "must be the location's IANA time zone, as in America/New_York");
        }
        if self.timeout.is_zero() {
            errors.push("timeout", "must be more than 0");
        }
        errors.into_result()
    }
}

fn is_real(uri: &http::Uri) -> bool {
    let is_example = |host: &str| host == "example.com" || host.ends_with(".example.com");
    matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !is_example(host))
}

/// It becomes part of an idempotency key, hence of a header.
fn is_location(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=64).contains(&text.len()) && text != "default" && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ConexxusConfig {
        ConexxusConfig {
            base_url: "https://api.conexxus.test".to_owned(),
            location_id: "store-001".to_owned(),
            time_zone: "America/New_York".to_owned(),
            ..ConexxusConfig::default()
        }
    }

    /// F-X4: the source pushed the sales of a location named "default".
    #[test]
    fn a_location_has_its_own_id() {
        assert_eq!(config().check(), Ok(()));
        for bad in ["", "default", "a b", "a/b", "a\r\nx: y", &"a".repeat(65)] {
            let config = ConexxusConfig { location_id: bad.to_owned(), ..config() };
            assert!(config.check().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_example_of_the_guide_is_no_address() {
        for bad in ["https://api.conexxus.example.com", "api.conexxus.test", "ftp://conexxus.test", ""] {
            let config = ConexxusConfig { base_url: bad.to_owned(), ..config() };
            assert!(config.check().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn everything_that_is_missing_is_told_at_once() {
        assert_eq!(ConexxusConfig::default().check().expect_err("empty").len(), 3);
    }

    #[test]
    fn defaults_are_those_of_the_guide() {
        let config = ConexxusConfig::default();
        let delays: Vec<_> = (0..config.retries).map(|retry| config.retry_delay * (1 << retry)).collect();
        assert_eq!(delays, [1, 2, 4].map(Duration::from_secs));
        assert_eq!((config.timeout, config.push_at.to_string()), (Duration::from_secs(30), "23:30:00".to_owned()));
    }

    #[test]
    fn a_config_survives_its_text() {
        let json = serde_json::to_string(&config()).expect("JSON");
        assert!(json.contains(r#""timeout":"30s""#), "{json}");
        assert_eq!(serde_json::from_str::<ConexxusConfig>(&json).expect("a config"), config());
    }
}
