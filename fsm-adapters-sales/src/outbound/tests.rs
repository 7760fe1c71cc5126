use std::{sync::Arc, time::Duration};

use fsm_integration_core::{
    adapter::{CorrelationId, TenantId},
    clock::SystemClock,
    egress::TargetPolicy,
    http_client::{HttpClientConfig, ReqwestClient, install_tls},
    layers::webhook::{SignLayer, WebhookSecret, WebhookSecrets, WebhookSigner, WebhookVerifier},
};
use serde_json::json;
use tower::{Layer, util::BoxCloneSyncService};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_json, header, method, path},
};

use super::*;

const SECRET: [u8; 32] = [7; 32];

fn secrets() -> WebhookSecrets {
    WebhookSecrets::new(WebhookSecret::from_bytes(SECRET.to_vec()).unwrap(), Arc::new(SystemClock))
}

/// The client over a real socket, signed as in production.
fn client(server: &MockServer) -> SalesClient {
    install_tls();
    let config = HttpClientConfig { targets: TargetPolicy::loopback(), ..HttpClientConfig::default() };
    let signed = SignLayer::new(WebhookSigner::new(secrets())).layer(ReqwestClient::new(config).unwrap());
    let config = SalesSystemConfig { base_url: format!("{}/pyxis/", server.uri()), ..SalesSystemConfig::default() };
    SalesClient::new(BoxCloneSyncService::new(signed), &config)
}

fn context() -> IntegrationContext {
    let timestamp = "2025-01-16T08:00:00Z".parse().unwrap();
    IntegrationContext::system(TenantId::new("demo").unwrap(), CorrelationId::new("c-1").unwrap(), timestamp)
}

fn status() -> serde_json::Value {
    json!({
        "orderId": "1", "externalOrderId": "PX-TEST-001", "status": "PROCESSING", "correlationId": "c-1",
        "receivedAt": "2025-01-15T10:00:00.000Z"
    })
}

async fn call(client: &SalesClient) -> Result<ExternalResponse> {
    let body = serde_json::from_value(status()).unwrap();
    client.order_status(&WebhookId::new("sales-order-status_1").unwrap(), &body, &context()).await
}

async fn server_answering(template: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/pyxis/callback/order-status"))
        .and(header("content-type", "application/json"))
        .and(header("x-correlation-id", "c-1"))
        .and(header("webhook-id", "sales-order-status_1"))
        .and(body_json(status()))
        .respond_with(template)
        .expect(1)
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn a_callback_reaches_the_partner_signed_once_over_the_very_bytes() {
    let server = server_answering(ResponseTemplate::new(204)).await;
    assert_eq!(call(&client(&server)).await.unwrap().status, 204);
    let request = server.received_requests().await.unwrap().remove(0);
    assert_eq!(request.headers.get_all("webhook-id").iter().count(), 1);
    let verified = WebhookVerifier::new(secrets()).verify(&request.headers, &request.body).unwrap();
    assert_eq!(verified.id(), Some("sales-order-status_1"));
}

#[tokio::test]
async fn a_refusal_keeps_its_status_and_its_hint() {
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "7");
    let error = call(&client(&server_answering(busy).await)).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(7))));
    let error = call(&client(&server_answering(ResponseTemplate::new(410)).await)).await.unwrap_err();
    assert_eq!((error.kind(), error.answer().unwrap().status), (ErrorKind::PartnerGone, 410));
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_not_followed() {
    let server = server_answering(ResponseTemplate::new(307).insert_header("location", "/elsewhere")).await;
    assert_eq!(call(&client(&server)).await.unwrap_err().kind(), ErrorKind::PartnerRejected);
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn health_is_asked_with_get() {
    let server = MockServer::start().await;
    let route = Mock::given(method("GET")).and(path("/pyxis/health"));
    route.respond_with(ResponseTemplate::new(200)).expect(1).mount(&server).await;
    assert_eq!(client(&server).health().await.unwrap().status, 200);
}

#[tokio::test]
async fn an_address_that_is_none_is_our_fault_and_not_the_partners() {
    let nowhere = SalesSystemConfig { base_url: "not an address".to_owned(), ..SalesSystemConfig::default() };
    let unused: HttpService = BoxCloneSyncService::new(tower::service_fn(|_| async { unreachable!("not called") }));
    let error = call(&SalesClient::new(unused, &nowhere)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(error.message().contains("base_url"));
}
