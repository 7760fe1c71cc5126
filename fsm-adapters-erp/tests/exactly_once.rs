//! The adapter against a Fusion that keeps invoices, refuses duplicates and loses answers.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use fsm_adapters_erp::{ErpConfig, OracleErp, ProviderInvoice, basic_authorization};
use fsm_integration_core::{
    adapter::{AdapterService, Call, CorrelationId, IntegrationAdapter, IntegrationContext, TenantId},
    clock::{Clock, SystemClock},
    egress::TargetPolicy,
    error::{Error, ErrorKind, RateLimited, Result},
    http_client::{HttpClientConfig, HttpRequest, HttpService, ReqwestClient, install_tls},
    layers::instrument::HasContext,
    observe::health::Health,
};
use serde_json::{Value, json};
use tower::{Service, ServiceExt, service_fn};
use wiremock::{
    Match, Mock, MockServer, Request, Respond, ResponseTemplate,
    matchers::{header, method, path, query_param},
};

const PATH: &str = "/fscmRestApi/resources/11.13.18.05/invoices";
const ORDER: &str = "4b13511e-99ec-5693-96ab-aa55343f7976";

/// What goes wrong with the answer to a POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// Works, then answers this status.
    DoneThen(u16),
    /// Works, then answers something else than an invoice.
    DoneThenGarbage,
    /// Works, then answers after the client's patience ended.
    DoneThenSlow,
    /// Does nothing and answers this status.
    NotDone(u16),
}

/// Invoices by supplier and number, as Payables keeps them.
#[derive(Clone)]
struct Fusion(Arc<Mutex<State>>);

struct State {
    invoices: Vec<Value>,
    fault: Fault,
    plain_text: bool,
    posts: usize,
    look_ups: usize,
}

impl Fusion {
    async fn start(fault: Fault) -> (Self, MockServer) {
        let state = State { invoices: Vec::new(), fault, plain_text: false, posts: 0, look_ups: 0 };
        let fusion = Self(Arc::new(Mutex::new(state)));
        let server = MockServer::start().await;
        let asked = || header("rest-framework-version", "4").and(header("authorization", "Basic ZnNtOnMzY3JldA=="));
        Mock::given(method("POST")).and(path(PATH)).and(asked()).respond_with(fusion.clone()).mount(&server).await;
        Mock::given(method("GET")).and(path(PATH)).and(asked()).respond_with(fusion.clone()).mount(&server).await;
        (fusion, server)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("not poisoned")
    }

    fn counts(&self) -> (usize, usize, usize) {
        let state = self.state();
        (state.invoices.len(), state.posts, state.look_ups)
    }
}

impl State {
    fn post(&mut self, mut invoice: Value) -> ResponseTemplate {
        self.posts += 1;
        let key = |invoice: &Value| (invoice["SupplierNumber"].clone(), invoice["InvoiceNumber"].clone());
        if let Fault::NotDone(status) = self.fault {
            return ResponseTemplate::new(status);
        }
        if self.invoices.iter().any(|held| key(held) == key(&invoice)) {
            let text = "You must enter a unique invoice number. (AP-810776)";
            let body = json!({"title": "Bad Request", "o:errorDetails": [{"detail": text}]}).to_string();
            return ResponseTemplate::new(400).set_body_string(if self.plain_text { text.to_owned() } else { body });
        }
        invoice["InvoiceId"] = json!(300_000_000_000_000_u64 + self.invoices.len() as u64);
        self.invoices.push(invoice.clone());
        match self.fault {
            Fault::DoneThen(status) => ResponseTemplate::new(status),
            Fault::DoneThenGarbage => ResponseTemplate::new(200).set_body_string("<html>gateway</html>"),
            Fault::DoneThenSlow => ResponseTemplate::new(201).set_body_json(invoice).set_delay(Duration::from_secs(60)),
            Fault::None | Fault::NotDone(_) => ResponseTemplate::new(201).set_body_json(invoice),
        }
    }

    /// Ignores `q`, as a server may, and gives one row a page, whatever was asked for.
    fn look_up(&mut self, offset: usize) -> ResponseTemplate {
        self.look_ups += 1;
        let items: Vec<_> = self.invoices.iter().skip(offset).take(1).collect();
        let more = offset + items.len() < self.invoices.len();
        ResponseTemplate::new(200).set_body_json(json!({"items": items, "count": items.len(), "hasMore": more}))
    }
}

impl Respond for Fusion {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        if request.method == http::Method::POST {
            return self.state().post(request.body_json().expect("JSON"));
        }
        let offset = request.url.query_pairs().find(|(name, _)| name == "offset").map(|(_, value)| value.into_owned());
        self.state().look_up(offset.map_or(0, |text| text.parse().expect("a number")))
    }
}

trait And: Match + Sized + 'static {
    fn and(self, other: impl Match + 'static) -> impl Match {
        move |request: &Request| self.matches(request) && other.matches(request)
    }
}

impl<M: Match + Sized + 'static> And for M {}

fn client() -> ReqwestClient {
    install_tls();
    let total_timeout = Duration::from_millis(500);
    ReqwestClient::new(HttpClientConfig {
        targets: TargetPolicy::loopback(),
        total_timeout,
        ..HttpClientConfig::default()
    })
    .expect("a client")
}

fn adapter(server: &MockServer, client: HttpService) -> OracleErp {
    let config =
        ErpConfig { base_url: server.uri(), business_unit: "Vision Operations".to_owned(), ..ErpConfig::default() };
    let authorization = basic_authorization("fsm", "s3cret").expect("a user");
    OracleErp::new(config, authorization, client, Arc::new(SystemClock)).expect("an adapter")
}

fn erp(server: &MockServer) -> OracleErp {
    adapter(server, HttpService::new(client()))
}

fn invoice(amount: &str) -> ProviderInvoice {
    ProviderInvoice {
        service_order_id: ORDER.to_owned(),
        provider_id: "P-7".to_owned(),
        amount: amount.parse().expect("a decimal"),
        currency: "EUR".to_owned(),
        completion_date: "2026-03-01".parse().expect("a date"),
    }
}

fn context() -> IntegrationContext {
    let (tenant, id) = (TenantId::new("demo").expect("a tenant"), CorrelationId::random());
    IntegrationContext::system(tenant, id, "2026-03-02T00:00:00Z".parse().expect("a timestamp"))
}

#[tokio::test]
async fn an_invoice_is_created_after_one_look_up() {
    let (fusion, server) = Fusion::start(Fault::None).await;
    let receipt = erp(&server).execute(&invoice("120.50"), &context()).await.expect("created");
    assert_eq!((receipt.invoice_number.as_str(), receipt.already_there), (&*format!("FSM-{ORDER}"), false));
    assert_eq!(fusion.counts(), (1, 1, 1));
    let held = fusion.state().invoices[0].clone();
    assert_eq!((&held["InvoiceAmount"], &held["SupplierNumber"]), (&json!(120.50), &json!("P-7")));
    assert_eq!(held["invoiceLines"][0]["LineAmount"], json!(120.50));
}

#[tokio::test]
async fn a_redelivery_after_a_crash_finds_the_invoice_and_posts_nothing() {
    let (fusion, server) = Fusion::start(Fault::None).await;
    erp(&server).execute(&invoice("120.50"), &context()).await.expect("created");
    // A new process: nothing remembered, retry_count 0.
    let receipt = erp(&server).execute(&invoice("120.5"), &context()).await.expect("found");
    assert!(receipt.already_there);
    assert_eq!(fusion.counts(), (1, 1, 2));
}

#[tokio::test]
async fn every_ambiguous_end_is_settled_by_a_look_up() {
    for fault in [
        Fault::DoneThen(500),
        Fault::DoneThen(502),
        Fault::DoneThen(504),
        Fault::DoneThen(408),
        Fault::DoneThenGarbage,
        Fault::DoneThenSlow,
    ] {
        let (fusion, server) = Fusion::start(fault).await;
        let receipt = erp(&server).execute(&invoice("120.50"), &context()).await.expect("settled");
        assert!(receipt.already_there, "{fault:?}");
        assert_eq!(fusion.counts(), (1, 1, 2), "{fault:?}");
    }
}

/// The answer is lost by the network after Oracle has done the work.
#[tokio::test]
async fn a_reset_after_the_work_is_settled_by_a_look_up() {
    let (fusion, server) = Fusion::start(Fault::None).await;
    let losing = service_fn(|request: HttpRequest| async move {
        let is_post = request.method() == http::Method::POST;
        let answer = client().call(request).await?;
        if is_post { Err(Error::new(ErrorKind::Unavailable, "reset")) } else { Ok(answer) }
    });
    let receipt =
        adapter(&server, HttpService::new(losing)).execute(&invoice("120.50"), &context()).await.expect("settled");
    assert!(receipt.already_there);
    assert_eq!(fusion.counts(), (1, 1, 2));
}

/// The look-up has spent a token already: were the creation refused for want of one, a busy ERP would be asked for
/// ever and never told.
#[tokio::test]
async fn a_creation_waits_for_a_token_of_our_own_limiter() {
    let (fusion, server) = Fusion::start(Fault::None).await;
    let posts = Arc::new(AtomicUsize::new(0));
    let limited = service_fn(move |request: HttpRequest| {
        let refused = request.method() == http::Method::POST && posts.fetch_add(1, Ordering::Relaxed) < 3;
        async move {
            if refused {
                return Err(RateLimited { retry_after: Some(Duration::from_millis(1)) }.into());
            }
            client().call(request).await
        }
    });
    adapter(&server, HttpService::new(limited)).execute(&invoice("120.50"), &context()).await.expect("created");
    assert_eq!(fusion.counts(), (1, 1, 1));
}

/// A client whose limiter has no token for a POST for half a minute, and how many it was asked to send.
fn out_of_tokens() -> (Arc<AtomicUsize>, HttpService) {
    let posts = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&posts);
    let limited = service_fn(move |request: HttpRequest| {
        let refused = request.method() == http::Method::POST;
        counter.fetch_add(usize::from(refused), Ordering::Relaxed);
        async move {
            if refused {
                return Err(RateLimited { retry_after: Some(Duration::from_secs(30)) }.into());
            }
            client().call(request).await
        }
    });
    (posts, HttpService::new(limited))
}

#[tokio::test]
async fn no_token_is_waited_for_beyond_the_callers_deadline() {
    let (_fusion, server) = Fusion::start(Fault::None).await;
    let (posts, client) = out_of_tokens();
    let hurried = IntegrationContext { deadline: Some(SystemClock.now() + Duration::from_secs(10)), ..context() };
    let call = adapter(&server, client).execute(&invoice("120.50"), &hurried).await;
    assert_eq!((call.expect_err("no token").kind(), posts.load(Ordering::Relaxed)), (ErrorKind::RateLimited, 1));
}

#[tokio::test]
async fn every_request_says_who_asks() {
    let (_fusion, server) = Fusion::start(Fault::None).await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let watching = service_fn({
        let asked = Arc::clone(&asked);
        move |request: HttpRequest| {
            let who = request.context().map(|who| (who.correlation_id.clone(), who.tenant.clone()));
            asked.lock().expect("not poisoned").push(who);
            async move { client().call(request).await }
        }
    });
    let context = context();
    adapter(&server, HttpService::new(watching)).execute(&invoice("120.50"), &context).await.expect("created");
    let who = Some((context.correlation_id, context.tenant));
    assert_eq!(*asked.lock().expect("not poisoned"), [who.clone(), who], "the look-up and the creation");
}

#[tokio::test]
async fn a_post_that_was_not_done_is_left_to_a_later_attempt() {
    let (fusion, server) = Fusion::start(Fault::NotDone(503)).await;
    let erp = erp(&server);
    let error = erp.execute(&invoice("120.50"), &context()).await.expect_err("unavailable");
    assert_eq!((error.kind(), fusion.counts()), (ErrorKind::Unavailable, (0, 1, 2)));
    fusion.state().fault = Fault::None;
    let retry = IntegrationContext { retry_count: 1, ..context() };
    assert!(!erp.execute(&invoice("120.50"), &retry).await.expect("created").already_there);
    assert_eq!(fusion.counts().0, 1);
}

#[tokio::test]
async fn a_refusal_for_good_is_not_looked_up() {
    let (fusion, server) = Fusion::start(Fault::NotDone(403)).await;
    let error = erp(&server).execute(&invoice("120.50"), &context()).await.expect_err("refused");
    assert_eq!((error.kind(), fusion.counts()), (ErrorKind::PartnerRejected, (0, 1, 1)));
}

#[tokio::test]
async fn another_amount_under_the_number_is_a_conflict_for_good() {
    let (fusion, server) = Fusion::start(Fault::None).await;
    let erp = erp(&server);
    erp.execute(&invoice("120.50"), &context()).await.expect("created");
    let error = erp.execute(&invoice("99.00"), &context()).await.expect_err("a conflict");
    assert_eq!(error.kind(), ErrorKind::PartnerRejected);
    assert!(error.message().contains("120.5 EUR instead of 99.00 EUR"), "{error}");
    assert_eq!(fusion.counts().1, 1);
}

/// The look-up sees nothing, the POST is refused as a duplicate: two processes race.
#[tokio::test]
async fn a_duplicate_number_is_settled_by_a_look_up_whatever_form_the_refusal_has() {
    for plain_text in [false, true] {
        let (fusion, server) = Fusion::start(Fault::None).await;
        fusion.state().plain_text = plain_text;
        let racing = {
            let (fusion, server) = (fusion.clone(), server.uri());
            service_fn(move |request: HttpRequest| {
                let (fusion, server) = (fusion.clone(), server.clone());
                async move {
                    if request.method() == http::Method::POST && fusion.counts().1 == 0 {
                        let mut other = HttpRequest::new(request.body().clone());
                        *other.method_mut() = http::Method::POST;
                        *other.uri_mut() = format!("{server}{PATH}").parse().expect("a URL");
                        *other.headers_mut() = request.headers().clone();
                        client().call(other).await.expect("the other process wins");
                    }
                    client().call(request).await
                }
            })
        };
        let receipt =
            adapter(&server, HttpService::new(racing)).execute(&invoice("120.50"), &context()).await.expect("settled");
        assert!(receipt.already_there);
        assert_eq!(fusion.counts(), (1, 2, 2), "plain text: {plain_text}");
    }
}

#[tokio::test]
async fn a_look_up_goes_on_to_the_last_page() {
    let (fusion, server) = Fusion::start(Fault::None).await;
    let erp = erp(&server);
    for order in ["a", "b", "c"] {
        let other = ProviderInvoice { service_order_id: order.to_owned(), ..invoice("1.00") };
        erp.execute(&other, &context()).await.expect("created");
    }
    fusion.state().look_ups = 0;
    let last = ProviderInvoice { service_order_id: "c".to_owned(), ..invoice("1.00") };
    assert!(erp.execute(&last, &context()).await.expect("found").already_there);
    assert_eq!(fusion.counts(), (3, 3, 3));
}

#[tokio::test]
async fn a_look_up_asks_for_the_natural_key_in_quotes() {
    let server = MockServer::start().await;
    let key = format!("InvoiceNumber='FSM-{ORDER}' and SupplierNumber='O''Neil & Co'");
    Mock::given(method("GET"))
        .and(query_param("q", key))
        .and(query_param("onlyData", "true"))
        .respond_with(ResponseTemplate::new(503).insert_header("retry-after", "9").set_body_string("busy"))
        .expect(1)
        .mount(&server)
        .await;
    let request = ProviderInvoice { provider_id: "O'Neil & Co".to_owned(), ..invoice("1.00") };
    let error = erp(&server).execute(&request, &context()).await.expect_err("busy");
    assert_eq!((error.message(), error.retry_after()), ("Oracle answered 503: busy", Some(Duration::from_secs(9))));
}

#[tokio::test]
async fn an_invalid_invoice_never_leaves() {
    let (fusion, server) = Fusion::start(Fault::None).await;
    let call = Call { request: invoice("-1.00"), context: context() };
    let error = AdapterService::new(erp(&server)).oneshot(call).await.expect_err("invalid");
    assert_eq!((error.kind(), fusion.counts()), (ErrorKind::InvalidRequest, (0, 0, 0)));
}

#[tokio::test]
async fn health_is_asked_with_one_row() -> Result<()> {
    let server = MockServer::start().await;
    let page = json!({"items": [], "hasMore": false});
    Mock::given(method("GET"))
        .and(query_param("limit", "1"))
        .respond_with(ResponseTemplate::new(200).set_body_json(page))
        .expect(1)
        .mount(&server)
        .await;
    assert_eq!(erp(&server).health_check().await.health, Health::Healthy);
    let status = erp(&MockServer::start().await).health_check().await;
    assert_eq!((status.health, status.message.as_deref()), (Health::Unhealthy, Some("Oracle answered 404")));
    Ok(())
}

#[tokio::test]
async fn nothing_shows_the_password() {
    let (_, server) = Fusion::start(Fault::NotDone(401)).await;
    let erp = erp(&server);
    let error = erp.execute(&invoice("1.00"), &context()).await.expect_err("refused");
    let authorization = basic_authorization("fsm", "s3cret").expect("a user");
    for text in [format!("{erp:?}"), format!("{error:?}"), format!("{authorization:?}")] {
        assert!(!text.contains("s3cret") && !text.contains("ZnNtOnMzY3JldA"), "{text}");
    }
}
