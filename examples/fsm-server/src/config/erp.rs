use fsm_adapters_erp as adapter;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Doc, Mistakes, check_adapter, check_secret_path, check_url};

/// The ERP that pays the providers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErpConfig {
    /// Whether invoices are sent to it.
    pub enabled: bool,
    /// Base URL of its API.
    pub base_url: String,
    /// Path of the secret that it knows us by, `user:password`.
    pub api_key_path: String,
    /// Business unit that the invoices belong to.
    pub business_unit: String,
    /// Supplier site that is paid.
    pub supplier_site: String,
    /// What a provider gets of what the customer pays before tax, from 0 to 1.
    pub provider_share: Decimal,
}

impl Default for ErpConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            base_url: String::new(),
            api_key_path: "integrations/{tenant}/erp/api-key".to_owned(),
            business_unit: "FSM".to_owned(),
            supplier_site: "MAIN".to_owned(),
            provider_share: Decimal::new(60, 2),
        }
    }
}

pub(super) const DOCS: &[Doc] = &[
    ("enabled", "Whether invoices are sent to it."),
    ("base_url", "Base URL of its API, without user and password."),
    ("api_key_path", "Path of the secret that it knows us by, user:password."),
    ("business_unit", "Business unit that the invoices belong to."),
    ("supplier_site", "Supplier site that is paid."),
    ("provider_share", "What a provider gets of what the customer pays before tax, from 0 to 1."),
];

impl ErpConfig {
    /// What the adapter takes of these settings.
    #[must_use]
    pub fn adapter(&self) -> adapter::ErpConfig {
        adapter::ErpConfig {
            base_url: self.base_url.trim_end_matches('/').to_owned(),
            business_unit: self.business_unit.clone(),
            supplier_site: self.supplier_site.clone(),
            ..adapter::ErpConfig::default()
        }
    }

    pub(super) fn check(&self, found: &mut Mistakes) {
        if self.enabled {
            check_url("erp.base_url", &self.base_url, found);
            check_adapter(self.adapter().check(), |field| format!("erp.{field}"), found);
        }
        let share = (Decimal::ZERO..=Decimal::ONE).contains(&self.provider_share);
        found.require(share, "erp.provider_share", "is no share", "write a number from 0 to 1, as in \"0.60\"");
        check_secret_path("erp.api_key_path", &self.api_key_path, found);
    }
}
