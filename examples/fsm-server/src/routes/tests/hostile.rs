use serde_json::{Value, json};
use uuid::Uuid;

use super::support::{Answer, Room, sales_order, sample, slot_query, ticket, with};

/// Every route that reads a body, with one that is right; the webhook's is judged by its signature first.
fn routes() -> Vec<(String, Value)> {
    let id = Uuid::nil();
    vec![
        ("/api/v2/orders/intake".to_owned(), sample()),
        ("/api/v2/slots/availability".to_owned(), slot_query()),
        ("/api/v1/sales/orders".to_owned(), sales_order()),
        ("/api/v1/ticketing/tickets".to_owned(), ticket()),
        (format!("/api/v1/jobs/{id}/check-in"), json!({"gps": {"lat": 1, "lng": 2}})),
        (format!("/api/v1/jobs/{id}/check-out"), json!({"completed": true})),
        (format!("/api/v1/wcfs/{id}/sign"), json!({"accepted": true})),
        (format!("/api/v1/service-orders/{id}/tv-outcome"), json!({"outcome": "YES"})),
    ]
}

fn code_of(path: &str) -> &'static str {
    if path.ends_with("/intake") { "INVALID_ORDER" } else { "INVALID_REQUEST" }
}

/// The whole error body, and nothing of the inside.
fn explained(answer: &Answer, path: &str) {
    assert!(answer.status < 500, "{path}: {} {}", answer.status, answer.body);
    let body = answer.body.as_object().unwrap();
    assert_eq!(body.keys().map(String::as_str).collect::<Vec<_>>(), ["correlationId", "error", "timestamp"]);
    assert!(answer.body["error"]["message"].as_str().is_some_and(|message| !message.is_empty()));
    assert_eq!(answer.body["correlationId"], answer.header("x-correlation-id"));
}

#[tokio::test]
async fn what_cannot_be_read_is_a_400_on_every_route() {
    let room = Room::open().await;
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    let twice = br#"{"a": {"b": 1, "b": 2}}"#.to_vec();
    let bodies: [Vec<u8>; 8] = [
        vec![],
        b"{".to_vec(),
        b"{} {}".to_vec(),
        b"{'a': 1}".to_vec(),
        b"{\"a\": \"\xff\"}".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        deep.into_bytes(),
        twice,
    ];
    for (path, _) in routes() {
        for body in &bodies {
            let answer = room.post_with(&path, &[], body.clone()).await;
            explained(&answer, &path);
            assert_eq!((answer.status, answer.code()), (400, code_of(&path)), "{path}");
        }
    }
}

#[tokio::test]
async fn what_is_no_object_or_has_wrong_types_is_a_422_on_every_route() {
    let room = Room::open().await;
    for (path, good) in routes() {
        for body in [json!([]), json!(null), json!("text"), json!(1e308), json!({})] {
            let answer = room.post(&path, &body).await;
            explained(&answer, &path);
            assert_eq!((answer.status, answer.code()), (422, code_of(&path)), "{path} {body}");
            assert!(!answer.fields().is_empty(), "{path}: no field is named");
        }
        // Every field mistyped at once, and every one of them named.
        let names: Vec<_> = good.as_object().unwrap().keys().cloned().collect();
        for wrong in [json!(-1.5), json!({"deep": []}), json!(["\u{202e}"]), json!("\u{0}")] {
            let body = names.iter().fold(json!({}), |body, name| with(body, name, wrong.clone()));
            let answer = room.post(&path, &body).await;
            explained(&answer, &path);
            assert_eq!((answer.status, answer.code()), (422, code_of(&path)), "{path} {wrong}");
            for name in &names {
                let named = answer.fields().iter().any(|field| field.split(['.', '[']).next() == Some(name));
                // An object of which every field is optional.
                let fits = wrong.is_object() && name == "schedulingPreferences";
                assert!(named || fits, "{path}: {name} = {wrong} is not named: {}", answer.body);
            }
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_or_of_another_type_is_refused_on_every_route() {
    let room = Room::open().await;
    let large = vec![b' '; 1024 * 1024 + 1];
    for (path, good) in routes() {
        let answer = room.post_with(&path, &[], large.clone()).await;
        explained(&answer, &path);
        assert_eq!((answer.status, answer.code()), (413, "PAYLOAD_TOO_LARGE"), "{path}");
        let request = http::Request::post(&path).header("content-type", "text/plain");
        let answer = room.send(request.body(good.to_string().into()).unwrap()).await;
        explained(&answer, &path);
        assert_eq!((answer.status, answer.code()), (415, "UNSUPPORTED_MEDIA_TYPE"), "{path}");
    }
}

#[tokio::test]
async fn an_unknown_word_names_its_field() {
    let room = Room::open().await;
    let id = Uuid::nil();
    let reserves = json!([{"reserveId": "a", "severity": "AWFUL", "resolved": false}]);
    let cases = [
        ("/api/v2/orders/intake".to_owned(), with(sample(), "orderType", json!("DEMOLITION")), "orderType"),
        (
            "/api/v2/slots/availability".to_owned(),
            with(slot_query(), "filters", json!({"preferredDays": ["MON", "ONDAY"]})),
            "filters.preferredDays[1]",
        ),
        ("/api/v1/sales/orders".to_owned(), with(sales_order(), "priority", json!("asap")), "priority"),
        ("/api/v1/ticketing/tickets".to_owned(), with(ticket(), "ticket_type", json!("other")), "ticket_type"),
        (format!("/api/v1/wcfs/{id}/sign"), json!({"accepted": true, "reserves": reserves}), "reserves[0].severity"),
        (format!("/api/v1/service-orders/{id}/tv-outcome"), json!({"outcome": "MAYBE"}), "outcome"),
    ];
    for (path, body, field) in cases {
        let answer = room.post(&path, &body).await;
        explained(&answer, &path);
        assert_eq!((answer.status, answer.fields()), (422, vec![field]), "{path}");
    }
}

#[tokio::test]
async fn places_and_numbers_out_of_range_are_named() {
    let room = Room::open().await;
    let id = Uuid::nil();
    let gps = room.post(&format!("/api/v1/jobs/{id}/check-in"), &json!({"gps": {"lat": 90.1, "lng": "2"}})).await;
    assert_eq!(gps.fields(), ["gps.lat", "gps.lng"]);
    let order = with(sales_order(), "items", json!([{"productId": "p", "quantity": 0}, {}]));
    let order = with(order, "totalAmount", json!({"amount": 1.5, "currency": "usd"}));
    let answer = room.post("/api/v1/sales/orders", &order).await;
    let expected = ["totalAmount.amount", "totalAmount.currency", "items[0].quantity", "items[1].productId"];
    assert_eq!(answer.fields(), expected);
    let twice = json!([
        {"reserveId": "a", "severity": "MINOR", "resolved": false}, {"reserveId": "a", "severity": "MAJOR", "resolved": true}
    ]);
    let answer = room.post(&format!("/api/v1/wcfs/{id}/sign"), &json!({"accepted": true, "reserves": twice})).await;
    assert_eq!(answer.fields(), ["reserves[1].reserveId"]);
}
