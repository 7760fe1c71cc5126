use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{Criticality, Health, HealthStatus, registry::aggregate};

/// What all checks found, in the source documents' JSON when serialised.
///
/// `{"status":"healthy|degraded|unhealthy","checks":{"<name>":{"status":"pass|warn|fail","latency":<ms>,
/// "message":…}},"timestamp":…}`; [`health_json`](Self::health_json) is the other form.
#[derive(Debug, Clone, Serialize)]
pub struct HealthReport {
    /// How the whole is.
    pub status: Health,
    /// What each check found.
    pub checks: BTreeMap<String, CheckReport>,
    /// When the checks were run.
    pub timestamp: Timestamp,
    /// Whether traffic may come: every critical check passes, be it with a warning.
    #[serde(skip)]
    pub ready: bool,
}

/// What one check found.
#[derive(Debug, Clone)]
pub struct CheckReport {
    /// The finding, with its measured latency.
    pub status: HealthStatus,
    /// What it means for the whole.
    pub criticality: Criticality,
}

impl HealthReport {
    pub(super) fn new(checks: BTreeMap<String, CheckReport>, timestamp: Timestamp) -> Self {
        let status = aggregate(checks.values());
        Self { ready: status != Health::Unhealthy, status, checks, timestamp }
    }

    /// The HTTP status of a health endpoint: 503 when unhealthy, else 200 (requirement H3).
    #[must_use]
    pub fn http_status(&self) -> u16 {
        if self.status == Health::Unhealthy { 503 } else { 200 }
    }

    /// The report as `application/health+json`.
    #[must_use]
    pub fn health_json(&self) -> serde_json::Value {
        let checks: serde_json::Map<_, _> = self
            .checks
            .iter()
            .map(|(name, check)| {
                let mut finding = serde_json::json!({
                    "status": check.status.health.verdict(),
                    "observedValue": check.millis(),
                    "observedUnit": "ms",
                    "time": check.status.checked_at.to_string(),
                });
                if let Some(message) = &check.status.message {
                    finding["output"] = message.as_str().into();
                }
                (format!("{name}:responseTime"), serde_json::json!([finding]))
            })
            .collect();
        serde_json::json!({ "status": self.status.verdict(), "checks": checks })
    }
}

impl CheckReport {
    /// The latency in milliseconds, to the microsecond.
    fn millis(&self) -> f64 {
        (self.status.latency.as_secs_f64() * 1e6).round() / 1e3
    }
}

impl Serialize for CheckReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("status", self.status.health.verdict())?;
        map.serialize_entry("latency", &self.millis())?;
        if let Some(message) = &self.status.message {
            map.serialize_entry("message", message)?;
        }
        map.end()
    }
}
