use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How many calls may be under way, and how many may wait how long.
///
/// Defaults: 25 calls, no queue (those of resilience4j), and who may queue up waits as long as its caller does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BulkheadConfig {
    /// How many calls may be under way at once; 0 is taken as 1.
    pub max_concurrent: usize,
    /// How many calls may wait for a place; those beyond are refused.
    pub max_queued: usize,
    /// How long a call may wait for its place before it is refused; `None` is as long as the caller waits.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::optional")]
    pub max_wait: Option<Duration>,
}

impl Default for BulkheadConfig {
    fn default() -> Self {
        Self { max_concurrent: 25, max_queued: 0, max_wait: None }
    }
}
