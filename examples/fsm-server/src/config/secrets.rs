use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Doc;

/// Where secrets are read from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecretsConfig {
    /// Directory with one file per secret, named by its path.
    pub directory: PathBuf,
}

impl Default for SecretsConfig {
    fn default() -> Self {
        Self { directory: PathBuf::from("./fsm-secrets") }
    }
}

pub(super) const DOCS: &[Doc] = &[(
    "directory",
    "Directory with one file per secret, named by its path; variables of the environment go before it.",
)];
