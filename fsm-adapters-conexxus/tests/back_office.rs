//! The adapters against a back office that keeps what is pushed, and misbehaves.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use fsm_adapters_conexxus::{
    Conexxus, ConexxusConfig, DailySales, Inventory, InventoryRequest, InventorySync, Sale, SalesPush, SoldItem,
};
use fsm_integration_core::{
    adapter::{CorrelationId, IntegrationAdapter, IntegrationContext, TenantId},
    clock::SystemClock,
    egress::TargetPolicy,
    error::{Error, ErrorKind, Result},
    http_client::{HttpClientConfig, HttpRequest, HttpService, ReqwestClient, install_tls},
    layers::instrument::HasContext,
    observe::health::Health,
};
use http::HeaderValue;
use serde_json::{Value, json};
use tower::{ServiceExt, service_fn};
use wiremock::{
    Mock, MockServer, Request, Respond, ResponseTemplate,
    matchers::{any, header, method, path, query_param, query_param_is_missing},
};

const ITEMS: &str = "/api/v1/inventory/items";
const KEY: &str = "s3cret-api-key";

const TIMEOUT: Duration = Duration::from_millis(300);

fn client() -> HttpService {
    install_tls();
    let http = HttpClientConfig {
        targets: TargetPolicy::loopback(),
        total_timeout: TIMEOUT,
        max_body: ConexxusConfig::MAX_ANSWER,
        ..HttpClientConfig::default()
    };
    HttpService::new(ReqwestClient::new(http).expect("a client"))
}

fn conexxus(url: &str) -> Conexxus {
    conexxus_over(url, client())
}

fn conexxus_over(url: &str, client: HttpService) -> Conexxus {
    let config = ConexxusConfig {
        base_url: url.to_owned(),
        location_id: "store-001".to_owned(),
        time_zone: "America/New_York".to_owned(),
        timeout: TIMEOUT,
        ..ConexxusConfig::default()
    };
    Conexxus::new(config, HeaderValue::from_static(KEY), client, Arc::new(SystemClock)).expect("an adapter")
}

fn context() -> IntegrationContext {
    let (tenant, id) = (TenantId::new("demo").expect("a tenant"), CorrelationId::random());
    IntegrationContext::system(tenant, id, "2026-01-03T04:30:00Z".parse().expect("a timestamp"))
}

async fn fetch(url: &str, request: InventoryRequest) -> Result<Inventory> {
    InventorySync::new(conexxus(url)).execute(&request, &context()).await
}

async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

#[expect(clippy::needless_pass_by_value, reason = "reads well at the call sites")]
fn data(data: Value) -> ResponseTemplate {
    ResponseTemplate::new(200)
        .set_body_json(json!({"success": true, "data": data, "timestamp": "2026-01-02T10:00:00Z"}))
}

fn wine(sku: &str) -> Value {
    json!({"sku": sku, "name": "Cabernet Sauvignon 2020", "price": 29.99})
}

fn sales() -> DailySales {
    let item = SoldItem { sku: "WINE001".to_owned(), quantity: 2.into(), price: "24.99".parse().expect("a decimal") };
    let sale = Sale {
        id: "txn-001".to_owned(),
        timestamp: "2026-01-02T10:00:00Z".parse().expect("a timestamp"),
        total: "49.98".parse().expect("a decimal"),
        items: vec![item],
    };
    DailySales { date: "2026-01-02".parse().expect("a date"), transactions: vec![sale] }
}

#[tokio::test]
async fn an_inventory_comes_with_its_tag_and_is_asked_for_with_it() {
    let server = MockServer::start().await;
    let asked = || Mock::given(method("GET")).and(path(ITEMS)).and(header("x-api-key", KEY));
    asked()
        .and(header("if-none-match", "\"7\""))
        .respond_with(ResponseTemplate::new(304))
        .with_priority(1)
        .mount(&server)
        .await;
    let body = json!([wine("A"), {"sku": "B", "price": 1}]);
    asked().respond_with(data(body).insert_header("etag", "\"7\"")).mount(&server).await;
    let first = fetch(&server.uri(), InventoryRequest::default()).await.expect("an inventory");
    assert_eq!((first.items.len(), first.rejected.len(), first.etag.as_deref()), (1, 1, Some("\"7\"")));
    let again = InventoryRequest { etag: first.etag, ..InventoryRequest::default() };
    let second = fetch(&server.uri(), again).await.expect("an inventory");
    assert_eq!((second.unchanged, second.etag.as_deref()), (true, Some("\"7\"")));
}

/// F-X3: everything came in one answer every hour.
#[tokio::test]
async fn pages_are_followed_and_changes_asked_for() {
    let server = MockServer::start().await;
    let since = "2026-01-01T00:00:00Z";
    let asked = || Mock::given(path(ITEMS)).and(query_param("updatedSince", since));
    let first = data(json!({"items": [wine("A")], "nextCursor": "2&x"})).insert_header("etag", "\"7\"");
    asked().and(query_param_is_missing("cursor")).respond_with(first).mount(&server).await;
    let last = data(json!({"items": [{"name": "no sku"}]})).insert_header("etag", "\"8\"");
    asked().and(query_param("cursor", "2&x")).respond_with(last).mount(&server).await;
    let request = InventoryRequest { updated_since: Some(since.parse().expect("a timestamp")), etag: None };
    let inventory = fetch(&server.uri(), request).await.expect("an inventory");
    assert_eq!((inventory.items.len(), inventory.rejected[0].item.as_str()), (1, "#1"));
    assert_eq!(inventory.etag, None);
}

#[tokio::test]
async fn a_cursor_that_runs_in_a_circle_ends_in_a_failure() {
    let server = answering(data(json!({"items": [], "nextCursor": "again"}))).await;
    let error = fetch(&server.uri(), InventoryRequest::default()).await.expect_err("a circle");
    assert_eq!(error.kind(), ErrorKind::PartnerUnreadable);
}

/// F-X8: an empty answer takes nothing away and is not remembered as the truth.
#[tokio::test]
async fn an_empty_answer_changes_nothing_and_is_asked_for_again() {
    for body in [json!([]), json!({"items": []})] {
        let server = answering(data(body).insert_header("etag", "\"7\"")).await;
        let inventory = fetch(&server.uri(), InventoryRequest::default()).await.expect("an inventory");
        assert_eq!(inventory, Inventory::default());
    }
}

#[tokio::test]
async fn a_success_that_says_it_failed_is_a_failure() {
    let server = answering(ResponseTemplate::new(200).set_body_json(json!({"success": false, "error": "no"}))).await;
    let error = fetch(&server.uri(), InventoryRequest::default()).await.expect_err("a failure");
    assert_eq!((error.kind(), error.message()), (ErrorKind::PartnerRejected, "Conexxus API reported a failure: no"));
    let push = SalesPush::new(conexxus(&server.uri())).execute(&sales(), &context()).await;
    assert_eq!(push.expect_err("a failure").kind(), ErrorKind::PartnerRejected);
}

async fn told(url: &str) -> (ErrorKind, String) {
    let error: Error = fetch(url, InventoryRequest::default()).await.expect_err("a failure");
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn failures_are_told_in_the_words_of_the_guide() {
    use ErrorKind::{PartnerRejected, RateLimited, Timeout, Unavailable};
    for (status, kind, text) in [
        (401, PartnerRejected, "Conexxus API authentication failed. Check API key."),
        (403, PartnerRejected, "Conexxus API access forbidden. Check permissions."),
        (404, PartnerRejected, "Conexxus API endpoint not found: /api/v1/inventory/items"),
        (429, RateLimited, "Conexxus API rate limit exceeded. Try again later."),
        (503, Unavailable, "Conexxus API server error (503). Try again later."),
    ] {
        let server = answering(ResponseTemplate::new(status)).await;
        assert_eq!(told(&server.uri()).await, (kind, text.to_owned()));
    }
    let slow = answering(data(json!([])).set_delay(Duration::from_secs(60))).await;
    assert_eq!(told(&slow.uri()).await, (Timeout, "Conexxus API request timeout after 300ms".to_owned()));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let closed = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    assert_eq!(told(&closed).await, (Unavailable, "Conexxus API connection refused. Check API URL.".to_owned()));
    // A label of 64 characters fails without asking any name server.
    let nowhere = told(&format!("http://{}.invalid", "x".repeat(64))).await;
    assert_eq!(nowhere, (Unavailable, "Conexxus API host not found. Check API URL.".to_owned()));
}

/// Keeps each push under its key, once; loses the first answer.
#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<(BTreeMap<String, String>, usize)>>);

impl Respond for Ledger {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut ledger = self.0.lock().expect("not poisoned");
        let key = request.headers["idempotency-key"].to_str().expect("text").to_owned();
        let body = String::from_utf8(request.body.clone()).expect("text");
        ledger.0.entry(key).or_insert(body);
        ledger.1 += 1;
        if ledger.1 == 1 { ResponseTemplate::new(504) } else { data(Value::Null) }
    }
}

/// F-X1: a push whose answer was lost was repeated without a key, and the day's sales counted twice.
#[tokio::test]
async fn a_push_repeated_after_a_lost_answer_counts_once() {
    let server = MockServer::start().await;
    let ledger = Ledger::default();
    Mock::given(method("POST")).and(path("/api/v1/sales/push")).respond_with(ledger.clone()).mount(&server).await;
    let push = SalesPush::new(conexxus(&server.uri()));
    assert_eq!(push.execute(&sales(), &context()).await.expect_err("lost").kind(), ErrorKind::Unavailable);
    push.execute(&sales(), &context()).await.expect("pushed");
    let expected = r#"{"date":"2026-01-02","locationId":"store-001","transactions":[{"id":"txn-001","timestamp":"2026-01-02T10:00:00Z","total":49.98,"items":[{"sku":"WINE001","quantity":2,"price":24.99}]}]}"#;
    let kept = BTreeMap::from([("sales-store-001-2026-01-02".to_owned(), expected.to_owned())]);
    assert_eq!(*ledger.0.lock().expect("not poisoned"), (kept, 2));
}

#[tokio::test]
async fn every_request_says_who_asks() {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(data(json!([wine("WINE001")]))).mount(&server).await;
    Mock::given(method("POST")).respond_with(data(Value::Null)).mount(&server).await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let watching = service_fn({
        let asked = Arc::clone(&asked);
        move |request: HttpRequest| {
            let who = request.context().map(|who| (who.correlation_id.clone(), who.tenant.clone()));
            asked.lock().expect("not poisoned").push(who);
            client().oneshot(request)
        }
    });
    let conexxus = conexxus_over(&server.uri(), HttpService::new(watching));
    let context = context();
    let sync = InventorySync::new(conexxus.clone());
    sync.execute(&InventoryRequest::default(), &context).await.expect("an inventory");
    SalesPush::new(conexxus).execute(&sales(), &context).await.expect("pushed");
    let who = Some((context.correlation_id, context.tenant));
    assert_eq!(*asked.lock().expect("not poisoned"), [who.clone(), who], "the sync and the push");
}

/// F-X2: sales of another day, by the location's own time, are not mixed in.
#[tokio::test]
async fn only_the_sales_of_a_day_that_is_over_are_pushed() {
    let push = SalesPush::new(conexxus("http://127.0.0.1:1"));
    assert_eq!(push.validate(&sales()), Ok(()));
    let mut late = sales();
    late.transactions[0].timestamp = "2026-01-03T04:30:00Z".parse().expect("a timestamp");
    late.transactions.push(late.transactions[0].clone());
    let errors = push.validate(&late).expect_err("of another day");
    let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, ["transactions[0].timestamp", "transactions[1].id", "transactions[1].timestamp"]);
    let open = DailySales { date: "2999-01-01".parse().expect("a date"), transactions: Vec::new() };
    assert_eq!(push.validate(&open).expect_err("not over").len(), 1);
}

/// F-X3: the schedule and a person could sync at the same time.
#[tokio::test]
async fn a_second_sync_is_refused_while_one_is_under_way() {
    let server = answering(data(json!([]))).await;
    let (conexxus, context) = (conexxus(&server.uri()), context());
    let (one, two) = (InventorySync::new(conexxus.clone()), InventorySync::new(conexxus));
    let request = InventoryRequest::default();
    let mut first = one.execute(&request, &context);
    assert!(is_under_way(&mut first).await);
    let refused = two.execute(&request, &context).await.expect_err("refused");
    assert_eq!(refused.kind(), ErrorKind::InProgress);
    first.await.expect("an inventory");
    let mut cancelled = two.execute(&request, &context);
    assert!(is_under_way(&mut cancelled).await);
    drop(cancelled);
    one.execute(&request, &context).await.expect("an inventory");
}

/// Polls once: what needs a socket is not done by then.
async fn is_under_way(future: &mut (impl Future + Unpin)) -> bool {
    tokio::select! {
        biased;
        _ = future => false,
        () = std::future::ready(()) => true,
    }
}

#[tokio::test]
async fn health_is_what_the_api_says() {
    let server = answering(data(json!({"status": "ok"}))).await;
    assert_eq!(SalesPush::new(conexxus(&server.uri())).health_check().await.health, Health::Healthy);
    let server = answering(data(json!({"status": "starting"}))).await;
    assert_eq!(SalesPush::new(conexxus(&server.uri())).health_check().await.health, Health::Degraded);
    let server = answering(ResponseTemplate::new(500)).await;
    let status = InventorySync::new(conexxus(&server.uri())).health_check().await;
    let text = "Conexxus API server error (500). Try again later.";
    assert_eq!((status.health, status.message.as_deref()), (Health::Unhealthy, Some(text)));
}

#[tokio::test]
async fn nothing_shows_the_api_key() {
    let server = answering(ResponseTemplate::new(401)).await;
    let conexxus = conexxus(&server.uri());
    let push = SalesPush::new(conexxus.clone());
    let error = push.execute(&sales(), &context()).await.expect_err("refused");
    assert!(!format!("{conexxus:?} {push:?} {error:?}").contains(KEY));
}
