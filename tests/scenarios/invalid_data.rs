//! Seed 000, scenario 3: validation error handling. Whatever comes over the socket is answered with the one error
//! body, names every bad field, is never a 5xx, and leaves the server serving.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::support::{Answer, TestApp, an_order, talk};

const INTAKE: &str = "/api/v2/orders/intake";
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// Every POST of the public API that reads a body, and the code of a body that cannot be used.
fn routes() -> Vec<(String, &'static str)> {
    vec![
        (INTAKE.to_owned(), "INVALID_ORDER"),
        ("/api/v2/slots/availability".to_owned(), "INVALID_REQUEST"),
        ("/api/v1/sales/orders".to_owned(), "INVALID_REQUEST"),
        ("/api/v1/ticketing/tickets".to_owned(), "INVALID_REQUEST"),
        (format!("/api/v1/jobs/{NOBODY}/check-in"), "INVALID_REQUEST"),
        (format!("/api/v1/jobs/{NOBODY}/check-out"), "INVALID_REQUEST"),
        (format!("/api/v1/service-orders/{NOBODY}/tv-outcome"), "INVALID_REQUEST"),
        (format!("/api/v1/wcfs/{NOBODY}/sign"), "INVALID_REQUEST"),
    ]
}

/// POSTs that read no body, or check something else before it.
fn other_routes() -> Vec<String> {
    vec![
        "/api/v2/webhooks/sales/pyxis".to_owned(),
        "/api/v2/webhooks/sales/nobody".to_owned(),
        format!("/api/v1/sales/orders/{NOBODY}/complete"),
        "/api/v1/sales/orders/no-uuid/complete".to_owned(),
        "/api/v1/jobs/no-uuid/check-in".to_owned(),
        format!("/api/v1/wcfs/{NOBODY}/reserves/r1/resolve"),
        "/integrations/conexxus/sync".to_owned(),
    ]
}

fn head(path: &str, headers: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n").into_bytes()
}

async fn send(address: SocketAddr, path: &str, content_type: &str, body: &[u8]) -> Answer {
    let headers = format!("content-type: {content_type}\r\ncontent-length: {}\r\n", body.len());
    talk(address, &[head(path, &headers), body.to_vec()].concat()).await
}

async fn send_chunked(address: SocketAddr, path: &str, body: &[u8]) -> Answer {
    let head = head(path, "content-type: application/json\r\ntransfer-encoding: chunked\r\n");
    let chunks = body
        .chunks(64 * 1024)
        .flat_map(|chunk| [format!("{:x}\r\n", chunk.len()).into_bytes(), chunk.to_vec(), b"\r\n".to_vec()].concat());
    talk(address, &head.into_iter().chain(chunks).chain(*b"0\r\n\r\n").collect::<Vec<_>>()).await
}

/// Bodies that are no JSON that anybody should accept.
fn unreadable() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("empty", Vec::new()),
        ("broken off", br#"{"externalOrderId": "PX"#.to_vec()),
        ("no JSON", b"externalOrderId=PX-1".to_vec()),
        ("trailing text", b"{} {}".to_vec()),
        ("too deep", [b"[".repeat(5_000), b"]".repeat(5_000)].concat()),
        ("deep object", [b"{\"a\":".repeat(5_000), b"1".to_vec(), b"}".repeat(5_000)].concat()),
        ("duplicate key", br#"{"customer": {"email": "a@b.cd", "email": "e@f.gh"}}"#.to_vec()),
        ("duplicate key, escaped", br#"{"a": 1, "\u0061": 2}"#.to_vec()),
        ("no UTF-8", b"{\"externalOrderId\": \"\xff\xfe\"}".to_vec()),
        ("lone surrogate", br#"{"externalOrderId": "\ud800"}"#.to_vec()),
        ("NaN", br#"{"estimatedDuration": NaN}"#.to_vec()),
        ("a number beyond all", br#"{"estimatedDuration": 1e999999}"#.to_vec()),
        ("byte order mark", b"\xef\xbb\xbf{}".to_vec()),
        ("null byte", b"{}\0".to_vec()),
    ]
}

/// JSON of the wrong form.
fn mistyped() -> Vec<(&'static str, Vec<u8>)> {
    [
        ("null", "null"),
        ("a number", "17"),
        ("text", "\"order\""),
        ("a list", "[]"),
        ("nothing in it", "{}"),
        ("lists for text", r#"{"externalOrderId": ["PX"], "subject": ["s"], "outcome": ["YES"], "completed": "yes"}"#),
        ("objects for lists", r#"{"serviceItems": {}, "items": {}, "reserves": {}, "modifications": {}}"#),
        ("unknown words", r#"{"salesSystem": "ORACLE", "outcome": "MAYBE", "ticketType": "party"}"#),
    ]
    .map(|(name, text)| (name, text.as_bytes().to_vec()))
    .to_vec()
}

async fn still_serves(app: &TestApp) {
    assert_eq!(app.caller().get("/readyz").await.status, 200);
    let placed = app.scheduled(&an_order("PX-AFTER")).await;
    app.until_acknowledged(&placed, "sales-appointment-callback").await;
    app.well();
}

async fn unlimited() -> TestApp {
    TestApp::with(|config| config.limits.intake_per_minute = std::num::NonZeroU32::new(10_000).unwrap()).await
}

#[tokio::test]
async fn unreadable_bodies_are_bad_requests_on_every_route() {
    let app = unlimited().await;
    let address = app.server().public();
    for (path, code) in routes() {
        for (name, body) in unreadable() {
            let answer = send(address, &path, "application/json", &body).await;
            assert_eq!(answer.status, 400, "{path}, {name}: {}", answer.text);
            answer.is_error(400, code);
        }
    }
    still_serves(&app).await;
}

#[tokio::test]
async fn mistyped_bodies_are_unprocessable_on_every_route() {
    let app = unlimited().await;
    let address = app.server().public();
    for (path, code) in routes() {
        for (name, body) in mistyped() {
            let answer = send(address, &path, "application/json", &body).await;
            assert_eq!(answer.status, 422, "{path}, {name}: {}", answer.text);
            answer.is_error(422, code);
            assert!(!answer.body["error"]["details"].as_array().unwrap().is_empty(), "{path}, {name}: {}", answer.text);
        }
    }
    still_serves(&app).await;
}

#[tokio::test]
async fn a_wrong_content_type_is_refused_on_every_route() {
    let app = unlimited().await;
    let body = an_order("PX-TYPE").to_string();
    for (path, _) in routes() {
        for content_type in ["text/plain", "application/xml", "application/x-www-form-urlencoded", "", "json", "a/b/c"]
        {
            send(app.server().public(), &path, content_type, body.as_bytes())
                .await
                .is_error(415, "UNSUPPORTED_MEDIA_TYPE");
        }
        let untyped = head(&path, &format!("content-length: {}\r\n", body.len()));
        let answer = talk(app.server().public(), &[&untyped[..], body.as_bytes()].concat()).await;
        answer.is_error(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let charset = "application/json; charset=utf-8";
    assert_eq!(send(app.server().public(), INTAKE, charset, body.as_bytes()).await.status, 202);
    still_serves(&app).await;
}

#[tokio::test]
async fn oversized_bodies_are_refused_with_and_without_a_length() {
    let app = unlimited().await;
    let address = app.server().public();
    let huge = format!("{{\"filler\": \"{}\"}}", "x".repeat(2 << 20)).into_bytes();
    for (path, _) in routes() {
        send(address, &path, "application/json", &huge).await.is_error(413, "PAYLOAD_TOO_LARGE");
        send_chunked(address, &path, &huge).await.is_error(413, "PAYLOAD_TOO_LARGE");
        // A length that is only claimed is refused before a byte of it came.
        let claimed = head(&path, "content-type: application/json\r\ncontent-length: 999999999999\r\n");
        talk(address, &claimed).await.is_error(413, "PAYLOAD_TOO_LARGE");
    }
    let order = an_order("PX-CHUNKED").to_string();
    assert_eq!(send_chunked(address, INTAKE, order.as_bytes()).await.status, 202, "chunks as such are welcome");
    still_serves(&app).await;
}

#[tokio::test]
async fn routes_that_look_elsewhere_first_answer_in_the_same_form() {
    let app = unlimited().await;
    let address = app.server().public();
    for path in other_routes() {
        for (name, body) in unreadable().into_iter().chain(mistyped()) {
            let answer = send(address, &path, "application/json", &body).await;
            // The back office is off here, and says so; anything else would be a fault of ours.
            let off = path.starts_with("/integrations") && answer.status == 503;
            assert!((400..500).contains(&answer.status) || off, "{path}, {name}: {} {}", answer.status, answer.text);
            answer.has_the_error_body();
        }
    }
    still_serves(&app).await;
}

#[tokio::test]
async fn operators_get_the_same_errors() {
    let app = unlimited().await;
    for path in ["/admin/dead-letters/replay", "/admin/dead-letters/discard"] {
        for (name, body) in unreadable().into_iter().chain(mistyped()) {
            let answer = send(app.server().admin(), path, "application/json", &body).await;
            assert!((400..500).contains(&answer.status), "{path}, {name}: {} {}", answer.status, answer.text);
            answer.has_the_error_body();
        }
    }
    still_serves(&app).await;
}

#[tokio::test]
async fn all_errors_of_an_order_are_told_at_once() {
    let app = TestApp::start().await;
    let mut order = an_order("");
    order["salesSystem"] = json!("SAP-ISH");
    order["priority"] = json!("ASAP");
    order["customer"]["email"] = json!("john.doe(at)example.com");
    order["customer"]["phone"] = json!("call me");
    order["customer"].as_object_mut().unwrap().remove("lastName");
    order["serviceAddress"]["country"] = json!("United States");
    order["serviceItems"][0]["quantity"] = json!(0);
    order["serviceItems"][0]["unitPrice"]["amount"] = json!("a lot");
    order["totalAmount"]["tax"] = json!("-8.50.1");
    order["schedulingPreferences"]["timeWindow"] = json!({"start": "25:00", "end": "12:00"});
    order["estimatedDuration"] = json!("two hours");
    order["requiredSkills"] = json!("FIBER_INSTALLATION");
    let answer = app.caller().post_order(&order).await;
    answer.is_error(422, "INVALID_ORDER");
    let mut fields = answer.fields();
    fields.sort_unstable();
    let expected = [
        "customer.email",
        "customer.lastName",
        "customer.phone",
        "estimatedDuration",
        "externalOrderId",
        "priority",
        "requiredSkills",
        "salesSystem",
        "schedulingPreferences.timeWindow.start",
        "serviceAddress.country",
        "serviceItems[0].quantity",
        "serviceItems[0].unitPrice.amount",
        "totalAmount.tax",
    ];
    assert_eq!(fields, expected, "{}", answer.text);
    assert!(!answer.text.contains("john.doe") && !answer.text.contains("call me"), "values are not echoed");
}

type Spoil = fn(&mut Value);

/// One change to the sample order, and the field that has to be named.
fn single_faults() -> Vec<(Spoil, &'static str)> {
    vec![
        (|order| order["totalAmount"]["total"] = json!("108.51"), "totalAmount.total"),
        (|order| order["totalAmount"]["subtotal"] = json!(99.99), "totalAmount.subtotal"),
        (|order| order["serviceItems"] = json!([]), "serviceItems"),
        (
            |order| order["serviceItems"][0]["unitPrice"]["currency"] = json!("EUR"),
            "serviceItems[0].unitPrice.currency",
        ),
        (|order| order["externalOrderId"] = json!("x".repeat(10_000)), "externalOrderId"),
        (|order| order["orderType"] = json!("installation"), "orderType"),
        (|order| order["customer"]["preferredContactMethod"] = json!("PIGEON"), "customer.preferredContactMethod"),
        (
            |order| order["schedulingPreferences"]["preferredDate"] = json!("2025-02-30"),
            "schedulingPreferences.preferredDate",
        ),
    ]
}

#[tokio::test]
async fn each_fault_names_its_field_and_leaves_no_trace() {
    let app = TestApp::start().await;
    for (n, (spoil, field)) in single_faults().into_iter().enumerate() {
        let mut order = an_order(&format!("PX-FAULT-{n}"));
        spoil(&mut order);
        let answer = app.caller().post_order(&order).await;
        answer.is_error(422, "INVALID_ORDER");
        assert_eq!(answer.fields(), [field], "{}", answer.text);
    }
    app.until_idle().await;
    let orders = app.operator().get("/admin/flow/recent").await.ok();
    assert_eq!(orders["orders"], json!([]));
}

#[tokio::test]
async fn what_is_merely_unusual_is_accepted() {
    let app = TestApp::start().await;
    let mut order = an_order("PX-UNUSUAL");
    order["totalAmount"]["total"] = json!("108.50");
    order["schedulingPreferences"]["preferredDate"] = json!("2020-01-01");
    order["customer"]["lastName"] = json!("O'Connor-Łukasiewicz 🏠 <b>&amp;</b>'; DROP TABLE orders; --");
    order["unknownField"] = json!({"nested": [1, 2, 3]});
    let placed = app.scheduled(&order).await;
    app.until_acknowledged(&placed, "sales-appointment-callback").await;
    app.well();
}

#[tokio::test]
async fn unknown_paths_and_methods_have_the_error_body() {
    let app = TestApp::start().await;
    let caller = app.caller();
    caller.get("/api/v3/orders").await.is_error(404, "NOT_FOUND");
    caller.get(INTAKE).await.is_error(405, "METHOD_NOT_ALLOWED");
    caller.get("/api/v2/orders/no-uuid").await.is_error(404, "NOT_FOUND");
    caller.get(&format!("/api/v2/orders/{NOBODY}")).await.is_error(404, "NOT_FOUND");
    caller.get("/api/v1/jobs?limit=-1").await.is_error(422, "INVALID_REQUEST");
    caller.get("/api/v1/jobs?orderId=x&orderId=y").await.is_error(422, "INVALID_REQUEST");
    let problem =
        caller.send(caller.request(INTAKE).header("accept", "application/problem+json").json(&json!({}))).await;
    assert_eq!((problem.status, problem.header("content-type")), (422, "application/problem+json"));
    assert_eq!(problem.body["code"], "INVALID_ORDER");
}
