use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json, Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::{HeaderMap, Request, StatusCode, header},
    response::IntoResponse,
    routing::{get, post},
};
use fsm_integration_core::{
    adapter::{CorrelationId, TenantId},
    clock::SystemClock,
    error::{CircuitOpen, Error, ErrorKind, FieldErrors},
};
use futures_util::stream;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::config::{ApiKey, AuthConfig};

const LIMIT: usize = 1024;

fn edge(max_concurrent_requests: usize) -> Edge {
    let config = ServerConfig { body_limit_bytes: LIMIT, max_concurrent_requests, ..ServerConfig::default() };
    Edge::new(&config, Arc::new(SystemClock))
}

fn app() -> Router {
    let edge = edge(16);
    let routes = Router::new()
        .route("/panic", get(async || -> &str { panic!("hunter2") }))
        .route("/slow", get(async || std::future::pending::<()>().await))
        .route("/bytes", post(async |JsonBytes(bytes): JsonBytes| bytes))
        .route("/json", post(async |Json(value): Json<Value>| Json(value)))
        .route("/id", get(async |Extension(id): Extension<CorrelationId>| id.to_string()))
        .route("/open", get(async || ApiError::from(CircuitOpen { retry_after: Some(Duration::from_millis(2500)) })))
        .route(
            "/fields",
            get(async || {
                let mut fields = FieldErrors::default();
                fields.push("serviceItems[0].quantity", "must be at least 1");
                ApiError::from(Error::invalid(ErrorKind::InvalidOrder, fields))
            }),
        )
        .route("/health", get(async || (StatusCode::SERVICE_UNAVAILABLE, Extension(KeepBody), "report")));
    edge.outer(edge.guard(routes))
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// Checks the whole shape of the error body and gives its code.
    fn code(&self) -> String {
        let body = self.json();
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(body["correlationId"], self.header(CORRELATION_ID));
        assert!(body["timestamp"].as_str().expect("a timestamp").parse::<jiff::Timestamp>().is_ok());
        assert!(body["error"]["message"].as_str().is_some_and(|message| !message.is_empty()));
        assert_eq!(body.as_object().expect("an object").len(), 3);
        body["error"]["code"].as_str().expect("a code").to_owned()
    }
}

async fn send(app: Router, request: Request<Body>) -> Answer {
    let (parts, body) = app.oneshot(request).await.expect("infallible").into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

fn request(method: &str, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path)
}

async fn ask(method: &str, path: &str) -> Answer {
    send(app(), request(method, path).body(Body::empty()).expect("a request")).await
}

async fn post_bytes(content_type: &str, body: Body) -> Answer {
    send(app(), request("POST", "/bytes").header("content-type", content_type).body(body).expect("a request")).await
}

#[tokio::test]
async fn an_unknown_path_has_the_error_body() {
    let answer = ask("GET", "/nowhere").await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "NOT_FOUND"));
}

#[tokio::test]
async fn a_wrong_method_has_the_error_body_and_names_the_right_ones() {
    for method in ["DELETE", "OPTIONS"] {
        let answer = ask(method, "/bytes").await;
        assert_eq!((answer.status, answer.code().as_str()), (405, "METHOD_NOT_ALLOWED"));
        assert_eq!(answer.header("allow"), "POST");
    }
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_tells_nothing() {
    let answer = ask("GET", "/panic").await;
    assert_eq!((answer.status, answer.code().as_str()), (500, "INTERNAL"));
    assert!(!String::from_utf8_lossy(&answer.body).contains("hunter2"));
}

#[tokio::test]
async fn a_head_request_gets_the_headers_only() {
    for (path, status) in [("/nowhere", 404), ("/panic", 500), ("/fields", 422)] {
        let answer = ask("HEAD", path).await;
        assert_eq!((answer.status, answer.body.len()), (status, 0), "{path}");
        assert_eq!(answer.header("content-type"), "application/json");
        assert!(!answer.header(CORRELATION_ID).is_empty());
    }
}

#[tokio::test]
async fn fields_are_listed() {
    let answer = ask("GET", "/fields").await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "INVALID_ORDER"));
    let details = json!([{"field": "serviceItems[0].quantity", "message": "must be at least 1"}]);
    assert_eq!(answer.json()["error"]["details"], details);
}

#[tokio::test]
async fn problem_json_is_given_to_who_asks_for_it() {
    let request = request("GET", "/fields").header("accept", "application/problem+json").body(Body::empty());
    let answer = send(app(), request.expect("a request")).await;
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let body = answer.json();
    assert_eq!((&body["status"], &body["title"]), (&json!(422), &json!("Unprocessable Entity")));
    assert_eq!(
        (&body["code"], &body["errors"][0]["field"]),
        (&json!("INVALID_ORDER"), &json!("serviceItems[0].quantity"))
    );
    assert_eq!(body["correlationId"], answer.header(CORRELATION_ID));
}

#[tokio::test]
async fn a_retry_hint_is_rounded_up() {
    let answer = ask("GET", "/open").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "SERVICE_UNAVAILABLE"));
    assert_eq!(answer.header("retry-after"), "3");
}

#[tokio::test]
async fn a_health_report_keeps_its_body() {
    let answer = ask("GET", "/health").await;
    assert_eq!((answer.status, answer.body.as_ref()), (503, &b"report"[..]));
}

#[tokio::test]
async fn a_rejection_of_the_framework_has_the_error_body_too() {
    let wrong = request("POST", "/json").header("content-type", "application/json").body(Body::from("{"));
    let answer = send(app(), wrong.expect("a request")).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_REQUEST"));
}

#[tokio::test]
async fn a_correlation_id_is_taken_when_it_is_safe_and_made_when_it_is_not() {
    let with =
        |id: &'static str| request("GET", "/id").header(CORRELATION_ID, id).body(Body::empty()).expect("a request");
    let taken = send(app(), with("journey-1")).await;
    assert_eq!((taken.body.as_ref(), taken.header(CORRELATION_ID)), (&b"journey-1"[..], "journey-1"));
    for bad in ["", "two words"] {
        let made = send(app(), with(bad)).await;
        assert_eq!(made.header(CORRELATION_ID).len(), 36);
        assert_eq!(made.body.as_ref(), made.header(CORRELATION_ID).as_bytes());
    }
}

#[tokio::test]
async fn only_plain_json_is_a_body() {
    for good in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
        let answer = post_bytes(good, Body::from("{}")).await;
        assert_eq!((answer.status, answer.body.as_ref()), (200, &b"{}"[..]), "{good}");
    }
    for bad in ["text/plain", "", "application/jsonx"] {
        let answer = post_bytes(bad, Body::from("{}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (415, "UNSUPPORTED_MEDIA_TYPE"), "{bad}");
    }
    let packed =
        request("POST", "/bytes").header("content-type", "application/json").header("content-encoding", "gzip");
    assert_eq!(send(app(), packed.body(Body::empty()).expect("a request")).await.status, 415);
}

#[tokio::test]
async fn a_body_of_the_limit_passes_and_one_byte_more_does_not() {
    let whole = |size: usize| Body::from(vec![b' '; size]);
    let in_chunks = |size: usize| {
        Body::from_stream(stream::iter((0..size).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(b" ")))))
    };
    for body in [whole(LIMIT), in_chunks(LIMIT)] {
        assert_eq!(post_bytes("application/json", body).await.status, 200);
    }
    for body in [whole(LIMIT + 1), in_chunks(LIMIT + 1)] {
        let answer = post_bytes("application/json", body).await;
        assert_eq!((answer.status, answer.code().as_str()), (413, "PAYLOAD_TOO_LARGE"));
    }
}

#[tokio::test]
async fn a_length_that_is_too_much_is_refused_before_the_body_is_read() {
    let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let request =
        request("POST", "/bytes").header("content-type", "application/json").header(header::CONTENT_LENGTH, LIMIT + 1);
    let answer = send(app(), request.body(never).expect("a request")).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "PAYLOAD_TOO_LARGE"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_a_timeout() {
    let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let answer = post_bytes("application/json", never).await;
    assert_eq!((answer.status, answer.code().as_str()), (504, "TIMEOUT"));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_invalid_request() {
    let broken = Body::from_stream(stream::iter([Err::<Bytes, _>(std::io::Error::other("reset"))]));
    let answer = post_bytes("application/json", broken).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_REQUEST"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_too_long_is_a_timeout() {
    let answer = ask("GET", "/slow").await;
    assert_eq!((answer.status, answer.code().as_str()), (504, "TIMEOUT"));
}

#[tokio::test]
async fn one_request_too_many_is_refused_and_probes_are_not() {
    let edge = edge(1);
    let slow = Router::new().route("/slow", get(async || std::future::pending::<()>().await));
    let app = edge.outer(edge.guard(slow).route("/livez", get(async || "alive")));
    let first = tokio::spawn(send(app.clone(), request("GET", "/slow").body(Body::empty()).expect("a request")));
    while edge.slots.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let second = send(app.clone(), request("GET", "/slow").body(Body::empty()).expect("a request")).await;
    assert_eq!(
        (second.status, second.code().as_str(), second.header("retry-after")),
        (503, "SERVICE_UNAVAILABLE", "1")
    );
    let probe = send(app, request("GET", "/livez").body(Body::empty()).expect("a request")).await;
    assert_eq!(probe.status, 200);
    first.abort();
    assert!(first.await.is_err_and(|error| error.is_cancelled()));
    assert_eq!(edge.slots.available_permits(), 1, "a caller that goes away gives its place back");
}

fn tenants(keys: &[(&str, &str)]) -> Router {
    let keys = keys
        .iter()
        .map(|(tenant, key)| ApiKey { tenant: tenant.parse().expect("an id"), sha256: KeyHash::of(key) })
        .collect();
    let keys = TenantKeys::new(&AuthConfig { keys, ..AuthConfig::default() });
    let who = get(async |Extension(tenant): Extension<TenantId>| tenant.to_string());
    edge(16).outer(keys.protect(Router::new().route("/who", who)))
}

async fn who(app: &Router, headers: &[(&str, &str)]) -> Answer {
    let request = headers.iter().fold(request("GET", "/who"), |request, (name, value)| request.header(*name, *value));
    send(app.clone(), request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn a_key_names_its_tenant() {
    let app = tenants(&[("acme", "key-1"), ("acme", "key-2"), ("globex", "key-3")]);
    for (key, tenant) in [("Bearer key-1", "acme"), ("bearer key-2", "acme"), ("Bearer key-3", "globex")] {
        assert_eq!(who(&app, &[("authorization", key)]).await.body, tenant);
    }
    assert_eq!(who(&app, &[("authorization", "Bearer key-3"), ("x-tenant-id", "globex")]).await.body, "globex");
}

#[tokio::test]
async fn a_wrong_key_is_unauthorized_and_another_tenant_is_forbidden() {
    let app = tenants(&[("acme", "key-1"), ("globex", "key-3")]);
    for wrong in [
        &[][..],
        &[("authorization", "Bearer key-2")],
        &[("authorization", "key-1")],
        &[("authorization", "Basic key-1")],
        &[("x-tenant-id", "acme")],
    ] {
        let answer = who(&app, wrong).await;
        assert_eq!(
            (answer.status, answer.code().as_str(), answer.header("www-authenticate")),
            (401, "UNAUTHORIZED", "Bearer")
        );
    }
    let answer = who(&app, &[("authorization", "Bearer key-1"), ("x-tenant-id", "globex")]).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "FORBIDDEN"));
}

#[tokio::test]
async fn without_keys_this_machine_is_served_and_nobody_else() {
    let app = tenants(&[]);
    assert_eq!(who(&app, &[]).await.body, "demo");
    assert_eq!(who(&app, &[("x-tenant-id", "acme"), ("host", "localhost:8080")]).await.body, "acme");
    assert_eq!(who(&app, &[("x-tenant-id", "../acme")]).await.status, 400);
    // A name that was bound to this address, and a page of another site.
    assert_eq!(who(&app, &[("host", "evil.example.com:8080")]).await.status, 401);
    assert_eq!(who(&app, &[("sec-fetch-site", "cross-site")]).await.status, 401);
    for (peer, status) in [("192.0.2.1:1", 401), ("127.0.0.1:1", 200), ("[::ffff:127.0.0.1]:1", 200)] {
        let mut request = request("GET", "/who").body(Body::empty()).expect("a request");
        request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().expect("an address")));
        assert_eq!(send(app.clone(), request).await.status, status, "{peer}");
    }
}

#[tokio::test]
async fn an_unknown_path_is_not_found_even_without_a_key() {
    let app = tenants(&[("acme", "key-1")]);
    let answer = send(app, request("GET", "/nowhere").body(Body::empty()).expect("a request")).await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "NOT_FOUND"));
}

#[tokio::test]
async fn operators_need_the_token_when_there_is_one() {
    let app = |token: Option<&str>| {
        let admin_token_sha256 = token.map(KeyHash::of);
        let admin = AdminToken::new(&AuthConfig { admin_token_sha256, ..AuthConfig::default() });
        edge(16).outer(admin.protect(Router::new().route("/who", get(async || "in".into_response()))))
    };
    assert_eq!(who(&app(Some("t")), &[("authorization", "Bearer t")]).await.body, "in");
    assert_eq!(who(&app(Some("t")), &[("authorization", "Bearer u")]).await.status, 401);
    assert_eq!(who(&app(Some("t")), &[]).await.code(), "UNAUTHORIZED");
    assert_eq!(who(&app(None), &[]).await.body, "in");
    assert_eq!(who(&app(None), &[("host", "evil.example.com")]).await.status, 401);
}

fn limited(panics: bool) -> Router {
    let clock = Arc::new(SystemClock);
    let limit = TenantLimit::per_minute("orders", 3.try_into().expect("not zero"), clock);
    let handler = get(async move || if panics { panic!("hunter2") } else { "in" });
    let edge = edge(16);
    edge.outer(
        TenantKeys::new(&AuthConfig::default())
            .protect(limit.protect(edge.guard(Router::new().route("/who", handler)))),
    )
}

#[tokio::test(start_paused = true)]
async fn each_tenant_has_a_limit_of_its_own_and_is_told_how_it_stands() {
    let app = limited(false);
    for remaining in ["3", "2", "1", "0"] {
        let answer = who(&app, &[]).await;
        assert_eq!(
            (answer.status, answer.header("x-ratelimit-limit"), answer.header("x-ratelimit-remaining")),
            (200, "3", remaining)
        );
        assert_eq!(answer.header("ratelimit-policy"), r#""orders";q=3;w=60"#);
    }
    let refused = who(&app, &[]).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "RATE_LIMIT_EXCEEDED"));
    assert_eq!((refused.header("retry-after"), refused.header("x-ratelimit-remaining")), ("20", "0"));
    let detail = json!([{"message": "policy \"orders\" allows 3 requests in 60 s"}]);
    assert_eq!(refused.json()["error"]["details"], detail);
    assert_eq!(who(&app, &[("x-tenant-id", "acme")]).await.status, 200);
    tokio::time::advance(Duration::from_secs(20)).await;
    assert_eq!(who(&app, &[]).await.status, 200);
}

#[tokio::test]
async fn the_limit_is_told_even_when_the_handler_panics() {
    let answer = who(&limited(true), &[]).await;
    assert_eq!((answer.status, answer.code().as_str(), answer.header("x-ratelimit-limit")), (500, "INTERNAL", "3"));
}

#[test]
fn requests_are_measured_by_route_and_invented_methods_are_one() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            ask("GET", "/fields").await;
            ask("BREW", "/pot/418").await;
        });
    });
    let text = recorder.handle().render();
    let counted = |labels: &str| text.contains(&format!("http_server_request_duration_seconds_count{{{labels}}} 1"));
    assert!(counted(r#"method="GET",route="/fields",status="422""#), "{text}");
    assert!(counted(r#"method="other",route="unmatched",status="404""#), "{text}");
}
