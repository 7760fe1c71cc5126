use std::{num::NonZeroU32, time::Duration};

use serde::{Deserialize, Serialize};

/// How long, and among how many, a call may wait for its tokens.
///
/// Default: 5 s, among 1 024; the time is resilience4j's `timeoutDuration`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WaitConfig {
    /// A call that would have to wait longer is refused at once.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub max_wait: Duration,
    /// A call that finds so many waiting is refused at once.
    pub max_waiting: usize,
}

impl Default for WaitConfig {
    fn default() -> Self {
        Self { max_wait: Duration::from_secs(5), max_waiting: 1_024 }
    }
}

/// What decides while the shared store cannot be asked (requirement R6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnStoreError {
    /// Buckets of this process, each of the limit's share of one instance.
    #[default]
    Local,
    /// Nobody: every call is let through.
    Open,
    /// Nobody: every call fails as the store did.
    Closed,
}

/// How a [`StoreLimiter`](super::StoreLimiter) gets on with its store.
///
/// Default: decides locally as the only instance, 100 ms for an answer, asks again after 1 s, remembers 10 000 keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreLimiterConfig {
    /// What decides while the store does not answer.
    pub on_store_error: OnStoreError,
    /// How many processes share the limit, so that each may give out its part while they cannot ask.
    pub instances: NonZeroU32,
    /// How long the store may take for an answer.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub timeout: Duration,
    /// How long to leave a store alone that did not answer; then one call asks it again.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub retry_after: Duration,
    /// Most keys that are remembered here: for the local decision, as refused, and as paused.
    pub max_keys: usize,
}

impl Default for StoreLimiterConfig {
    fn default() -> Self {
        Self {
            on_store_error: OnStoreError::default(),
            instances: NonZeroU32::MIN,
            timeout: Duration::from_millis(100),
            retry_after: Duration::from_secs(1),
            max_keys: 10_000,
        }
    }
}
