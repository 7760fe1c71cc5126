use std::collections::BTreeMap;

use async_trait::async_trait;
use fsm_adapters_erp::ProviderInvoice;
use fsm_integration_core::{
    adapter::{Call, CorrelationId, IntegrationContext},
    http_client::install_tls,
    testing::VirtualClock,
};
use partner_sim::{Sim, SimConfig};
use rust_decimal::Decimal;
use tower::ServiceExt;

use super::*;

/// Secrets that an operator changes while the server runs; one that is empty cannot be reached.
#[derive(Clone, Default)]
struct Vault(Arc<Mutex<BTreeMap<String, String>>>);

#[async_trait]
impl SecretSource for Vault {
    async fn get(&self, path: &SecretPath) -> Result<Secret<String>> {
        let found = self.0.lock().get(path.as_str()).cloned();
        match found {
            Some(text) if text.is_empty() => Err(Error::from(ErrorKind::Unavailable)),
            Some(text) => Ok(Secret::new(text)),
            None => Err(Error::from(ErrorKind::NotFound)),
        }
    }
}

fn demo() -> TenantId {
    TenantId::new("demo").expect("an id")
}

async fn pay(partners: &Partners, order: &str) -> Result<()> {
    let request = ProviderInvoice {
        service_order_id: order.to_owned(),
        provider_id: "PROV-1".to_owned(),
        amount: Decimal::new(6000, 2),
        currency: "USD".to_owned(),
        completion_date: "2025-01-15".parse().expect("a date"),
    };
    let now = "2025-01-15T10:00:00Z".parse().expect("a time");
    let context = IntegrationContext::system(demo(), CorrelationId::random(), now);
    let erp = partners.erp(&demo()).await?.expect("enabled");
    erp.oneshot(Call { request, context }).await.map(drop)
}

#[tokio::test]
async fn new_credentials_serve_at_once_and_the_breaker_stays() {
    install_tls();
    let known = SimConfig::default();
    let sim = Sim::start(known.clone()).await.expect("partners that listen");
    let mut config = Config::default();
    config.erp.enabled = true;
    config.erp.base_url = format!("{}/oracle", sim.url());
    let vault = Vault::default();
    let clock = VirtualClock::starting_at("2025-01-15T10:00:00Z".parse().expect("a time"));
    let partners = Partners::new(config, Box::new(vault.clone()), Arc::new(clock));
    let set = |text: String| vault.0.lock().insert("integrations/demo/erp/api-key".to_owned(), text);

    assert!(pay(&partners, "o-1").await.is_err(), "no credentials yet");
    set(format!("{}:outdated", known.oracle_user));
    assert!(pay(&partners, "o-1").await.is_err(), "credentials of yesterday");
    partners.breakers_named("oracle-erp-demo")[0].disable();
    set(format!("{}:{}", known.oracle_user, known.oracle_password));
    pay(&partners, "o-1").await.expect("credentials of today");
    set("no colon".to_owned());
    assert!(pay(&partners, "o-2").await.is_err(), "what was taken away serves no more");
    let breakers = partners.breakers();
    assert_eq!((breakers.len(), breakers[0].state.label()), (1, "closed"));
    assert_eq!(partners.limiters().len(), 1, "one stack for all credentials");
    assert_eq!(breakers[0].control, fsm_integration_core::layers::circuit_breaker::Control::Disabled);
}

#[tokio::test]
async fn a_source_that_fails_is_no_missing_secret() {
    let (vault, clock) = (Vault::default(), VirtualClock::starting_at("2025-01-15T10:00:00Z".parse().expect("a time")));
    let partners = Partners::new(Config::default(), Box::new(vault.clone()), Arc::new(clock));
    let verifier = async || partners.sales_verifier(SalesSystem::Pyxis, &demo()).await;
    assert!(verifier().await.expect("nothing is wrong").is_none(), "there is no secret");
    vault.0.lock().insert("integrations/demo/sales/pyxis/webhook-secret".to_owned(), String::new());
    assert_eq!(verifier().await.expect_err("unreachable").kind(), ErrorKind::Internal);
}
