use fsm_adapters_sales::{config as adapter, wire::SalesSystem};
use serde::{Deserialize, Serialize};

use super::{Doc, Mistakes, check_adapter, check_secret_path, check_url};

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
        check_secret_path(&format!("{section}.webhook_secret_path"), &self.webhook_secret_path, found);
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
    /// The settings of one system.
    #[must_use]
    pub fn system(&self, system: SalesSystem) -> &SalesSystemConfig {
        match system {
            SalesSystem::Pyxis => &self.pyxis,
            SalesSystem::Tempo => &self.tempo,
        }
    }

    /// What the adapters take of these settings.
    #[must_use]
    pub fn adapter(&self) -> adapter::SalesConfig {
        let adapter::SalesConfig { pyxis, tempo } = adapter::SalesConfig::default();
        let with = |preset, system: &SalesSystemConfig| adapter::SalesSystemConfig {
            enabled: system.enabled,
            base_url: system.base_url.clone(),
            ..preset
        };
        adapter::SalesConfig { pyxis: with(pyxis, &self.pyxis), tempo: with(tempo, &self.tempo) }
    }

    pub(super) fn check(&self, found: &mut Mistakes) {
        self.pyxis.check("sales.pyxis", found);
        self.tempo.check("sales.tempo", found);
        check_adapter(self.adapter().validate(), |field| format!("sales.{field}"), found);
    }
}
