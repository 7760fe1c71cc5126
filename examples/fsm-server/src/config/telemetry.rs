use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::{Doc, Mistakes};

/// Logs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TelemetryConfig {
    /// How a log line looks.
    pub log_format: LogFormat,
    /// Which lines are written.
    pub filter: String,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    Json,
    /// Text with colours where there is a terminal, for people.
    Pretty,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { log_format: LogFormat::Pretty, filter: "info".to_owned() }
    }
}

pub(super) const DOCS: &[Doc] = &[
    ("log_format", "\"pretty\" for people, \"json\" for machines."),
    ("filter", "Which lines are written: a level, or levels by target such as \"warn,fsm_server=debug\"."),
];

impl TelemetryConfig {
    pub(super) fn check(&self, found: &mut Mistakes) {
        let fix = "write a level (error, warn, info, debug, trace) or target=level, separated by commas";
        found.require(self.filter.parse::<EnvFilter>().is_ok(), "telemetry.filter", "is not a filter", fix);
    }
}
