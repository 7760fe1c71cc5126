//! The partners' systems as adapters under the whole stack of layers, one a tenant and system.
//!
//! What a breaker or bucket protects is one partner of one tenant (requirement W15): a dead endpoint slows nobody
//! else. Adapters are made when first needed, with that tenant's secrets.

mod conexxus;
mod erp;
mod sales;
mod stacks;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, fmt, hash::Hash, sync::Arc};

use fsm_adapters_conexxus::Conexxus;
use fsm_adapters_erp::OracleErp;
use fsm_adapters_sales::{
    adapter::{SalesAdapter, SalesMessage},
    outbound::SalesClient,
    wire::SalesSystem,
};
use fsm_integration_core::{
    adapter::{AdapterService, TenantId},
    clock::WallClock,
    error::{Error, ErrorKind, Result},
    http_client::HttpClientConfig,
    layers::{
        circuit_breaker::{CircuitBreaker, CircuitSnapshot},
        rate_limit::TokenBucket,
        webhook::WebhookVerifier,
    },
    secret::{Secret, SecretPath, SecretSource},
};
use parking_lot::Mutex;
use reqwest::Url;
use sha2::{Digest as _, Sha256};

use self::{erp::Erp, sales::RotatedIn, stacks::Stacks};
use crate::config::Config;

/// The most adapters that are kept; beyond it they are made anew for each call.
const MOST_KEPT: usize = 10_000;

/// A handle on the partners; clones share their adapters, breakers and buckets.
#[derive(Clone)]
pub struct Partners(Arc<Inner>);

struct Inner {
    config: Config,
    secrets: Box<dyn SecretSource>,
    clock: Arc<dyn WallClock>,
    stacks: Stacks,
    sales: Kept<(SalesSystem, TenantId), SalesClient>,
    webhook_secrets: Kept<(SalesSystem, TenantId), RotatedIn>,
    verifiers: Kept<(SalesSystem, TenantId), WebhookVerifier>,
    erp: Kept<TenantId, Erp>,
    conexxus: Mutex<Option<Conexxus>>,
}

impl Partners {
    /// Prepares the partners that the configuration names.
    #[must_use]
    pub fn new(config: Config, secrets: Box<dyn SecretSource>, clock: Arc<dyn WallClock>) -> Self {
        let stacks = Stacks::new(Arc::clone(&clock));
        Self(Arc::new(Inner {
            config,
            secrets,
            clock,
            stacks,
            sales: Kept::default(),
            webhook_secrets: Kept::default(),
            verifiers: Kept::default(),
            erp: Kept::default(),
            conexxus: Mutex::default(),
        }))
    }

    /// The adapter that tells a tenant's sales system one kind of message; `None` when it is told nothing.
    ///
    /// # Errors
    /// The tenant's secret is missing or unusable.
    pub async fn sales<M: SalesMessage>(
        &self,
        system: SalesSystem,
        tenant: &TenantId,
    ) -> Result<Option<AdapterService<SalesAdapter<M>>>> {
        let client = self.sales_client(system, tenant).await?;
        Ok(client.map(|client| AdapterService::new(SalesAdapter::new(client, Arc::clone(&self.0.clock)))))
    }

    /// The adapter of a tenant's ERP; `None` when there is none.
    ///
    /// # Errors
    /// The tenant's secret is missing or unusable.
    pub async fn erp(&self, tenant: &TenantId) -> Result<Option<AdapterService<OracleErp>>> {
        if !self.0.config.erp.enabled {
            return Ok(None);
        }
        self.present_erp(tenant).await.map(Some)
    }

    /// Every circuit breaker, for health and operators.
    #[must_use]
    pub fn breakers(&self) -> Vec<CircuitSnapshot> {
        self.0.stacks.breakers()
    }

    /// The breakers of a name, for an operator who knows better than they do; empty when there is none.
    #[must_use]
    pub fn breakers_named(&self, name: &str) -> Vec<CircuitBreaker> {
        self.0.stacks.named(name)
    }

    /// The buckets that keep calls to the partners' pace, for operators.
    #[must_use]
    pub fn limiters(&self) -> Vec<TokenBucket> {
        self.0.stacks.limiters()
    }

    async fn secret(&self, template: &str, tenant: &TenantId) -> Result<Secret<String>> {
        let path = secret_path(template, tenant)?;
        self.0.secrets.get(&path).await.map_err(|error| unreadable(&path, error))
    }

    /// The secret, or nothing where the tenant has none.
    async fn secret_if_any(&self, template: &str, tenant: &TenantId) -> Result<Option<Secret<String>>> {
        let path = secret_path(template, tenant)?;
        match self.0.secrets.get(&path).await {
            Ok(secret) => Ok(Some(secret)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(&path, error)),
        }
    }

    /// Where a client may connect to: what the operator wrote into the configuration.
    fn http_config(&self, base_url: &str) -> Result<HttpClientConfig> {
        let url: Url = base_url
            .parse()
            .map_err(|error| Error::new(ErrorKind::Internal, "a partner's base_url is no URL").with_source(error))?;
        Ok(HttpClientConfig { targets: self.0.config.outbound.policy(&url), ..HttpClientConfig::default() })
    }
}

fn secret_path(template: &str, tenant: &TenantId) -> Result<SecretPath> {
    let path = template.replace("{tenant}", tenant.as_str());
    SecretPath::new(&path).map_err(|error| Error::from(ErrorKind::Internal).with_source(error))
}

/// What an operator can mend is tried again, whatever the source calls it.
fn unreadable(path: &SecretPath, error: Error) -> Error {
    Error::new(ErrorKind::Internal, format!("the secret {} cannot be read", path.as_str())).with_source(error)
}

/// What tells one secret from the next without keeping it.
type Digest = [u8; 32];

fn digest(secret: &Secret<String>) -> Digest {
    Sha256::digest(secret.expose().as_bytes()).into()
}

impl fmt::Debug for Partners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partners").finish_non_exhaustive()
    }
}

/// Things that are made once a key and shared.
struct Kept<K, V>(Mutex<HashMap<K, V>>);

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Kept<K, V> {
    /// Made under the lock: two stacks for one key would be two breakers.
    fn get_or_make(&self, key: K, make: impl FnOnce() -> Result<V>) -> Result<V> {
        let mut kept = self.0.lock();
        if let Some(known) = kept.get(&key) {
            return Ok(known.clone());
        }
        let made = make()?;
        if kept.len() < MOST_KEPT {
            kept.insert(key, made.clone());
        }
        Ok(made)
    }
}
