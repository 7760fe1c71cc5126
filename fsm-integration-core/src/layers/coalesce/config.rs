use serde::{Deserialize, Serialize};

/// How many calls may be shared at once.
///
/// Default: 10 000 keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CoalesceConfig {
    /// How many keys may have a call under way; a call for one more is made alone.
    pub max_keys: usize,
}

impl Default for CoalesceConfig {
    fn default() -> Self {
        Self { max_keys: 10_000 }
    }
}
