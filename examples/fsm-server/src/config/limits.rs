use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::Doc;

/// How often a tenant may call (requirement R3).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitsConfig {
    /// Orders a tenant may send in a minute.
    pub intake_per_minute: NonZeroU32,
    /// Availability queries a tenant may send in a minute.
    pub slots_per_minute: NonZeroU32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        const INTAKE: NonZeroU32 = NonZeroU32::new(100).expect("not zero");
        const SLOTS: NonZeroU32 = NonZeroU32::new(200).expect("not zero");
        Self { intake_per_minute: INTAKE, slots_per_minute: SLOTS }
    }
}

pub(super) const DOCS: &[Doc] = &[
    ("intake_per_minute", "Orders a tenant may send in a minute."),
    ("slots_per_minute", "Availability queries a tenant may send in a minute."),
];
