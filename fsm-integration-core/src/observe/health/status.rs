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

impl Health {
    /// The same in the words of a check: `pass`, `warn` or `fail`.
    #[must_use]
    pub const fn verdict(self) -> &'static str {
        match self {
            Self::Healthy => "pass",
            Self::Degraded => "warn",
            Self::Unhealthy => "fail",
        }
    }
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

impl HealthStatus {
    /// A part that works; whoever runs the check fills in time and latency.
    #[must_use]
    pub const fn healthy() -> Self {
        Self { health: Health::Healthy, latency: Duration::ZERO, checked_at: Timestamp::UNIX_EPOCH, message: None }
    }

    /// A part that works, but not as it should, and why.
    #[must_use]
    pub fn degraded(message: impl Into<String>) -> Self {
        Self { health: Health::Degraded, message: Some(message.into()), ..Self::healthy() }
    }

    /// A part that does not work, and why.
    #[must_use]
    pub fn unhealthy(message: impl Into<String>) -> Self {
        Self { health: Health::Unhealthy, message: Some(message.into()), ..Self::healthy() }
    }
}
