use serde::{Deserialize, Serialize};

use super::{Doc, Mistake, Mistakes, check_url};

/// The sales systems.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SalesConfig {
    /// The sales system of installation orders.
    pub pyxis: SalesSystemConfig,
    /// The sales system of service requests.
    pub tempo: SalesSystemConfig,
}

/// One sales system: where it is told what happened, and how it trusts us.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SalesSystemConfig {
    /// Whether callbacks and outcomes are sent to it.
    pub enabled: bool,
    /// Base URL of its API.
    pub base_url: String,
    /// Path of the secret that signs webhooks, both ways.
    pub webhook_secret_path: String,
}

impl SalesSystemConfig {
    fn of(system: &str) -> Self {
        let webhook_secret_path = format!("integrations/{{tenant}}/sales/{system}/webhook-secret");
        Self { enabled: false, base_url: String::new(), webhook_secret_path }
    }

    fn check(&self, section: &str, found: &mut Mistakes) {
        if self.enabled {
            check_url(&format!("{section}.base_url"), &self.base_url, found);
        }
        if self.webhook_secret_path.is_empty() {
            let key = format!("{section}.webhook_secret_path");
            found.push(Mistake::of(key, "is empty", "leave the key out to have the default"));
        }
    }
}

impl Default for SalesConfig {
    fn default() -> Self {
        Self { pyxis: SalesSystemConfig::of("pyxis"), tempo: SalesSystemConfig::of("tempo") }
    }
}

pub(super) const DOCS: &[Doc] = &[
    ("enabled", "Whether callbacks and outcomes are sent to it."),
    ("base_url", "Base URL of its API, without user and password."),
    ("webhook_secret_path", "Path of the secret that signs webhooks, both ways."),
];

impl SalesConfig {
    pub(super) fn check(&self, found: &mut Mistakes) {
        self.pyxis.check("sales.pyxis", found);
        self.tempo.check("sales.tempo", found);
    }
}
