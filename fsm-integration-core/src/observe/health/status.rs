//! How a part is.

use std::time::Duration;

use jiff::Timestamp;

/// How well a part is, in the words of the source documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Works.
    Healthy,
    /// Works, but not as it should.
    Degraded,
    /// Does not work.
    Unhealthy,
}

/// What one check found.
#[derive(Debug, Clone)]
pub struct HealthStatus {
    /// How well the part is.
    pub health: Health,
    /// How long the check took, measured.
    pub latency: Duration,
    /// When it was checked.
    pub checked_at: Timestamp,
    /// What to know about it, for a person; no secrets, no personal data.
    pub message: Option<String>,
}
