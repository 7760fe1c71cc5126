use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Doc, Mistakes};

/// How webhooks are delivered when the first attempts have failed (requirement W12).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebhooksConfig {
    /// Waits between the durable attempts; after the last one the delivery is a dead letter.
    #[serde(with = "super::durations")]
    pub schedule: Vec<Duration>,
    /// How far each wait is moved at random, as a share of it.
    pub jitter: f64,
}

impl Default for WebhooksConfig {
    fn default() -> Self {
        const HOUR: u64 = 60 * 60;
        let seconds = [5, 5 * 60, 30 * 60, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
        Self { schedule: seconds.map(Duration::from_secs).to_vec(), jitter: 0.2 }
    }
}

pub(super) const DOCS: &[Doc] = &[
    ("schedule", "Waits between the durable attempts; after the last one the delivery is a dead letter."),
    ("jitter", "How far each wait is moved at random, as a share of it: 0.2 is 20 % up or down."),
];

impl WebhooksConfig {
    pub(super) fn check(&self, found: &mut Mistakes) {
        let bounded = (1..=100).contains(&self.schedule.len());
        found.require(bounded, "webhooks.schedule", "has no entry or too many", "write 1 to 100 durations");
        found.require((0.0..=1.0).contains(&self.jitter), "webhooks.jitter", "is out of range", "write 0.0 to 1.0");
    }
}
