use std::sync::Arc;

use fsm_adapters_sales::{outbound::SalesClient, wire::SalesSystem};
use fsm_integration_core::{
    adapter::TenantId,
    clock::WallClock,
    error::{Error, ErrorKind, Result},
    layers::webhook::{SignLayer, WebhookSecret, WebhookSecrets, WebhookSigner, WebhookVerifier},
    profile::Profile,
    secret::Secret,
};
use parking_lot::Mutex;

use super::{Digest, Partners, digest};
use crate::config::SalesSystemConfig;

/// Webhook secrets, and the hash of the text that was rotated in last.
#[derive(Clone)]
pub(super) struct RotatedIn {
    secrets: WebhookSecrets,
    text: Arc<Mutex<Digest>>,
}

impl RotatedIn {
    fn new(secret: WebhookSecret, text: &Secret<String>, clock: Arc<dyn WallClock>) -> Self {
        Self { secrets: WebhookSecrets::new(secret, clock), text: Arc::new(Mutex::new(digest(text))) }
    }

    /// Whether the text differs from the last one; says so once.
    fn is_new(&self, text: &Secret<String>) -> bool {
        let digest = digest(text);
        std::mem::replace(&mut *self.text.lock(), digest) != digest
    }
}

impl Partners {
    /// What verifies the webhooks of a tenant's sales system; replays are refused. `None` where the tenant shares no
    /// secret with it, so that nothing can be verified.
    ///
    /// # Errors
    /// The tenant's secret cannot be read or is unusable.
    pub async fn sales_verifier(&self, system: SalesSystem, tenant: &TenantId) -> Result<Option<WebhookVerifier>> {
        let text = self.secret_if_any(&self.system(system).webhook_secret_path, tenant).await?;
        let Some(text) = text else { return Ok(None) };
        let secrets = self.webhook_secrets(system, tenant, &text)?;
        self.0
            .verifiers
            .get_or_make((system, tenant.clone()), || Ok(WebhookVerifier::new(secrets).with_name(system.partner())))
            .map(Some)
    }

    pub(super) async fn sales_client(&self, system: SalesSystem, tenant: &TenantId) -> Result<Option<SalesClient>> {
        if !self.system(system).enabled {
            return Ok(None);
        }
        let text = self.secret(&self.system(system).webhook_secret_path, tenant).await?;
        let secrets = self.webhook_secrets(system, tenant, &text)?;
        let make = || self.make_sales_client(system, tenant, secrets);
        self.0.sales.get_or_make((system, tenant.clone()), make).map(Some)
    }

    fn make_sales_client(
        &self,
        system: SalesSystem,
        tenant: &TenantId,
        secrets: WebhookSecrets,
    ) -> Result<SalesClient> {
        let adapters = self.0.config.sales.adapter();
        let config = adapters.system(system);
        let name = format!("sales-{}-{tenant}", system.partner());
        let sign = SignLayer::new(WebhookSigner::new(secrets.with_name(&name)));
        let http = self.http_config(&config.base_url)?;
        let client =
            self.0.stacks.client(&name, &self.0.config.outbound.over(Profile::SalesSystem), http, Some(sign))?;
        Ok(SalesClient::new(client, config))
    }

    /// The secrets that sign and verify; a secret that was changed at its source is rotated in, the old one stays
    /// valid for the overlap (requirement W6).
    fn webhook_secrets(&self, system: SalesSystem, tenant: &TenantId, text: &Secret<String>) -> Result<WebhookSecrets> {
        let make = || Ok(RotatedIn::new(self.parse(system, text)?, text, Arc::clone(&self.0.clock)));
        let known = self.0.webhook_secrets.get_or_make((system, tenant.clone()), make)?;
        if known.is_new(text) {
            known.secrets.rotate(self.parse(system, text)?, WebhookSecrets::DEFAULT_OVERLAP);
        }
        Ok(known.secrets)
    }

    fn parse(&self, system: SalesSystem, text: &Secret<String>) -> Result<WebhookSecret> {
        text.expose().parse::<WebhookSecret>().map_err(|error| {
            let message = format!("the webhook secret of {} cannot be used", system.partner());
            Error::new(ErrorKind::Internal, message).with_source(error)
        })
    }

    fn system(&self, system: SalesSystem) -> &SalesSystemConfig {
        self.0.config.sales.system(system)
    }
}
