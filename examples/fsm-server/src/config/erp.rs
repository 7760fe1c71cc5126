use serde::{Deserialize, Serialize};

use super::{Doc, Mistakes, check_url};

/// The ERP that pays the providers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErpConfig {
    /// Whether invoices are sent to it.
    pub enabled: bool,
    /// Base URL of its API.
    pub base_url: String,
    /// Path of the secret that it knows us by.
    pub api_key_path: String,
}

impl Default for ErpConfig {
    fn default() -> Self {
        Self { enabled: false, base_url: String::new(), api_key_path: "integrations/{tenant}/erp/api-key".to_owned() }
    }
}

pub(super) const DOCS: &[Doc] = &[
    ("enabled", "Whether invoices are sent to it."),
    ("base_url", "Base URL of its API, without user and password."),
    ("api_key_path", "Path of the secret that it knows us by."),
];

impl ErpConfig {
    pub(super) fn check(&self, found: &mut Mistakes) {
        if self.enabled {
            check_url("erp.base_url", &self.base_url, found);
        }
        let fix = "leave the key out to have the default";
        found.require(!self.api_key_path.is_empty(), "erp.api_key_path", "is empty", fix);
    }
}
