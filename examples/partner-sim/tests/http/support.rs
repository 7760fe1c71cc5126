use std::sync::Arc;

use jiff::Timestamp;
use partner_sim::{Sim, SimConfig, signature::WebhookKey};
use reqwest::{Client, Response};
use serde_json::{Value, json};

/// A moment far from the machine's clock, so that every test runs under a moved one.
pub(crate) const NOW: &str = "2031-03-04T05:06:07.089Z";

pub(crate) fn now() -> Timestamp {
    NOW.parse().unwrap()
}

pub(crate) fn config() -> SimConfig {
    SimConfig { now: Arc::new(now), ..SimConfig::default() }
}

pub(crate) async fn start() -> Sim {
    Sim::start(config()).await.unwrap()
}

pub(crate) fn client() -> Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap()
}

pub(crate) fn pyxis_key() -> WebhookKey {
    WebhookKey::parse(SimConfig::PYXIS_SECRET).unwrap()
}

/// Sends a signed delivery of tenant `demo` to Pyxis.
pub(crate) async fn tell(sim: &Sim, path: &str, id: &str, body: &Value) -> reqwest::Result<Response> {
    let body = body.to_string();
    let request = client().post(format!("{}{path}", sim.url())).headers(pyxis_key().sign(id, now(), body.as_bytes()));
    request.header("x-tenant-id", "demo").header("x-correlation-id", "corr-1").body(body).send().await
}

pub(crate) fn demo_order_id(external: &str) -> String {
    partner_sim::sales::order_id("demo", partner_sim::sales::SalesSystem::Pyxis, external)
}

pub(crate) fn scheduled(external: &str, appointment: &str) -> Value {
    json!({"orderId": demo_order_id(external), "externalOrderId": external, "status": "SCHEDULED",
           "correlationId": "corr-1", "receivedAt": NOW,
           "appointment": {"appointmentId": appointment, "scheduledStart": NOW, "scheduledEnd": NOW,
                           "technicianId": "T1", "technicianName": "Ada"}})
}

pub(crate) async fn json_of(response: Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}
