use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::ErrorClass;

/// How often, how long and how scattered to wait between attempts.
///
/// Default: the sales preset: 3 retries, 1 s doubling to at most 30 s, additive jitter of 10 %, a `Retry-After` of
/// at most 30 s is waited for (requirement W11), no limit on the whole, and the same for every class of failure.
///
/// ```
/// use std::time::Duration;
/// use fsm_integration_core::layers::retry::{Jitter, RetryConfig};
///
/// let config = RetryConfig {
///     max_retries: 5,
///     initial_delay: Duration::from_millis(100),
///     jitter: Jitter::Full,
///     total: Some(Duration::from_secs(10)),
///     ..Default::default()
/// };
/// let text = r#"{ "max_retries": 5, "initial_delay": "100ms", "jitter": "full", "total": "10s" }"#;
/// assert_eq!(serde_json::from_str::<RetryConfig>(text).unwrap(), config);
/// ```
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
    /// No wait is begun that would end later than this after the call began; no limit when absent.
    ///
    /// It does not cut an attempt under way. A limit costs a look at the clock when a call begins.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Duration>,
    /// What is different for some classes of failures.
    #[serde(skip_serializing_if = "PerClass::is_default")]
    pub per_class: PerClass,
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
            total: None,
            per_class: PerClass::default(),
        }
    }
}

impl RetryConfig {
    /// The settings after a failure of this class.
    #[must_use]
    pub fn for_class(&self, class: ErrorClass) -> Self {
        let special = self.per_class.of(class);
        Self {
            max_retries: special.max_retries.unwrap_or(self.max_retries),
            initial_delay: special.initial_delay.unwrap_or(self.initial_delay),
            ..*self
        }
    }

    /// Most retries that any class of failures may have.
    pub(super) fn most_retries(&self) -> u32 {
        let PerClass { transient, throttled, timeout } = self.per_class;
        let of = |special: ClassConfig| special.max_retries.unwrap_or(self.max_retries);
        of(transient).max(of(throttled)).max(of(timeout))
    }
}

/// Settings of a [`RetryConfig`] that differ by what went wrong.
///
/// The classes that are not listed are never retried. Default: no difference.
///
/// ```
/// use std::time::Duration;
/// use fsm_integration_core::layers::retry::{ClassConfig, PerClass, RetryConfig};
///
/// let config = RetryConfig {
///     initial_delay: Duration::from_millis(50),
///     per_class: PerClass {
///         // Who refuses for the moment is given more time.
///         throttled: ClassConfig { initial_delay: Some(Duration::from_secs(1)), ..Default::default() },
///         // Whether the work was done is not known, and it must not be done twice.
///         timeout: ClassConfig { max_retries: Some(0), ..Default::default() },
///         ..Default::default()
///     },
///     ..Default::default()
/// };
/// # assert_ne!(config, RetryConfig::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PerClass {
    /// After a failure that may pass.
    pub transient: ClassConfig,
    /// After a refusal for the moment.
    pub throttled: ClassConfig,
    /// After no answer in time.
    pub timeout: ClassConfig,
}

impl PerClass {
    /// No difference.
    pub const NONE: Self =
        Self { transient: ClassConfig::NONE, throttled: ClassConfig::NONE, timeout: ClassConfig::NONE };

    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    fn of(&self, class: ErrorClass) -> ClassConfig {
        match class {
            ErrorClass::Transient => self.transient,
            ErrorClass::Throttled => self.throttled,
            ErrorClass::Timeout => self.timeout,
            ErrorClass::Permanent | ErrorClass::Open | ErrorClass::Cancelled => ClassConfig::default(),
        }
    }
}

/// What is different after a failure of one class; what is absent is as for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClassConfig {
    /// A failure of this class ends a call that has had so many retries, whatever they were for; zero never retries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<u32>,
    /// The wait from which the schedule grows when the last failure was of this class.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_delay: Option<Duration>,
}

impl ClassConfig {
    /// No difference.
    pub const NONE: Self = Self { max_retries: None, initial_delay: None };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_written_as_people_write_them_and_only_where_they_differ() {
        let written = r#"{"total":"10s","per_class":{"throttled":{"initial_delay":"2s"},"timeout":{"max_retries":0}}}"#;
        let config: RetryConfig = serde_json::from_str(written).expect("settings");
        assert_eq!(config.total, Some(Duration::from_secs(10)));
        assert_eq!(config.for_class(ErrorClass::Throttled).initial_delay, Duration::from_secs(2));
        assert_eq!(config.for_class(ErrorClass::Timeout).max_retries, 0);
        assert_eq!(config.for_class(ErrorClass::Transient), config);
        let again = serde_json::to_string(&config).expect("settings are text");
        assert_eq!(serde_json::from_str::<RetryConfig>(&again).expect("settings"), config);
        let default = serde_json::to_string(&RetryConfig::default()).expect("settings are text");
        assert!(!default.contains("per_class") && !default.contains("total"), "{default}");
        assert!(serde_json::from_str::<RetryConfig>(r#"{"per_class":{"permanent":{}}}"#).is_err());
    }

    #[test]
    fn the_class_that_may_be_retried_most_says_whether_a_request_is_kept() {
        let never = RetryConfig { max_retries: 0, ..RetryConfig::default() };
        assert_eq!(never.most_retries(), 0);
        let throttled = ClassConfig { max_retries: Some(5), ..ClassConfig::default() };
        let per_class = PerClass { throttled, ..PerClass::default() };
        assert_eq!(RetryConfig { per_class, ..never }.most_retries(), 5);
    }
}
