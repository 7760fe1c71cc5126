use serde::{Deserialize, Serialize};

use super::{Doc, Mistakes};

/// How often a tenant may call (requirement R3).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitsConfig {
    /// Orders a tenant may send in a minute.
    pub intake_per_minute: u32,
    /// Availability queries a tenant may send in a minute.
    pub slots_per_minute: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { intake_per_minute: 100, slots_per_minute: 200 }
    }
}

pub(super) const DOCS: &[Doc] = &[
    ("intake_per_minute", "Orders a tenant may send in a minute."),
    ("slots_per_minute", "Availability queries a tenant may send in a minute."),
];

impl LimitsConfig {
    pub(super) fn check(&self, found: &mut Mistakes) {
        for (key, limit) in
            [("limits.intake_per_minute", self.intake_per_minute), ("limits.slots_per_minute", self.slots_per_minute)]
        {
            found.require((1..=1_000_000).contains(&limit), key, "is out of range", "write 1 to 1000000");
        }
    }
}
