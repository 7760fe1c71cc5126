use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long checks may take and findings are believed.
///
/// Defaults (requirement H4): 2 s a check, 5 s a report.
///
/// ```
/// use fsm_integration_core::observe::health::HealthConfig;
///
/// let config: HealthConfig = serde_json::from_str(r#"{"timeout": "500ms"}"#)?;
/// assert_eq!((config.timeout.as_millis(), config.cache.as_secs()), (500, 5));
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HealthConfig {
    /// How long one check may take before it counts as failed.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub timeout: Duration,
    /// How long a report is handed out again before the checks are run anew.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub cache: Duration,
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(2), cache: Duration::from_secs(5) }
    }
}
