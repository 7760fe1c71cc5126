use std::time::Duration;

/// How long checks may take and findings are believed.
///
/// Defaults (requirement H4): 2 s a check, 5 s a report.
#[derive(Debug, Clone, Copy)]
pub struct HealthConfig {
    /// How long one check may take before it counts as failed.
    pub timeout: Duration,
    /// How long a report is handed out again before the checks are run anew.
    pub cache: Duration,
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(2), cache: Duration::from_secs(5) }
    }
}
