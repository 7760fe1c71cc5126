use std::time::Duration;

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
