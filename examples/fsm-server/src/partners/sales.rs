use std::sync::Arc;

use fsm_adapters_sales::{config as adapter_config, outbound::SalesClient, wire::SalesSystem};
use fsm_integration_core::{
    adapter::TenantId,
    error::{Error, ErrorKind, Result},
    layers::webhook::{SignLayer, WebhookSecret, WebhookSecrets, WebhookSigner, WebhookVerifier},
    profile::Profile,
};

use super::{Partners, stacks::http_config};
use crate::config::SalesSystemConfig;

impl Partners {
    /// What verifies the webhooks of a tenant's sales system; replays are refused.
    ///
    /// # Errors
    /// The tenant's secret is missing or unusable.
    pub async fn sales_verifier(&self, system: SalesSystem, tenant: &TenantId) -> Result<WebhookVerifier> {
        let make = async { Ok(WebhookVerifier::new(self.webhook_secrets(system, tenant).await?)) };
        self.0.verifiers.get_or_make((system, tenant.clone()), make).await
    }

    pub(super) async fn sales_client(&self, system: SalesSystem, tenant: &TenantId) -> Result<Option<SalesClient>> {
        if !self.system(system).enabled {
            return Ok(None);
        }
        let made = self.0.sales.get_or_make((system, tenant.clone()), self.make_sales_client(system, tenant)).await?;
        Ok(Some(made))
    }

    async fn make_sales_client(&self, system: SalesSystem, tenant: &TenantId) -> Result<SalesClient> {
        let secrets = self.webhook_secrets(system, tenant).await?;
        let config = adapter_config::SalesSystemConfig {
            enabled: true,
            base_url: self.system(system).base_url.clone(),
            ..adapter_config::SalesConfig::default().system(system).clone()
        };
        let name = format!("sales-{}-{tenant}", system.partner());
        let sign = SignLayer::new(WebhookSigner::new(secrets));
        let http = http_config(&config.base_url)?;
        let client = self.0.stacks.client(&name, &self.0.config.outbound.over(Profile::SalesSystem), http, Some(sign))?;
        Ok(SalesClient::new(client, &config))
    }

    async fn webhook_secrets(&self, system: SalesSystem, tenant: &TenantId) -> Result<WebhookSecrets> {
        let text = self.secret(&self.system(system).webhook_secret_path, tenant).await?;
        let secret = text.expose().parse::<WebhookSecret>().map_err(|error| {
            let message = format!("the webhook secret of {} cannot be used", system.partner());
            Error::new(ErrorKind::Internal, message).with_source(error)
        })?;
        Ok(WebhookSecrets::new(secret, Arc::clone(&self.0.clock)))
    }

    fn system(&self, system: SalesSystem) -> &SalesSystemConfig {
        match system {
            SalesSystem::Pyxis => &self.0.config.sales.pyxis,
            SalesSystem::Tempo => &self.0.config.sales.tempo,
        }
    }
}
