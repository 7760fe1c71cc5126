//! Oracle Fusion Payables, as far as provider invoices need it.
//!
//! Kept from the real one: Basic authentication, duplicate numbers refused with `(AP-810776)`, addresses by hash key,
//! the two query grammars of the REST framework, 499 rows at most a page, and three forms of error bodies.

mod create;
mod errors;
mod find;
mod query;

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value, json};
use subtle::ConstantTimeEq;

pub use errors::ErrorMode;

use crate::{
    ledger::Invoice,
    world::{Shared, World},
};
use errors::Problem;

pub(crate) fn guarded(world: Shared) -> Router<Shared> {
    Router::new()
        .route("/invoices", get(find::list).post(create::create))
        .route("/invoices/{uniqueId}", get(find::one))
        .layer(middleware::from_fn_with_state(world, authenticate))
}

async fn authenticate(State(world): State<Shared>, request: Request, next: Next) -> Response {
    if is_authentic(&world, request.headers()) {
        return next.run(request).await;
    }
    let mut answer =
        Problem::new(StatusCode::UNAUTHORIZED, "The credentials are not valid.").answer(&world, request.headers());
    let realm = http::HeaderValue::from_static("Basic realm=\"oraclecloud\"");
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
    answer
}

fn is_authentic(world: &World, headers: &HeaderMap) -> bool {
    let expected = format!("{}:{}", world.config.oracle_user, world.config.oracle_password);
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let sent = sent.and_then(|value| value.strip_prefix("Basic ")).and_then(|text| STANDARD.decode(text).ok());
    sent.is_some_and(|sent| sent.ct_eq(expected.as_bytes()).into())
}

/// The version of the REST framework that the caller asks for; 1 by default.
fn framework_version(headers: &HeaderMap) -> u8 {
    let version = headers.get("rest-framework-version").and_then(|value| value.to_str().ok());
    version.and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// An invoice as a resource: what was sent, and what Oracle adds.
fn resource(invoice: &Invoice) -> Map<String, Value> {
    let mut item = invoice.body.as_object().cloned().unwrap_or_default();
    item.remove("invoiceLines");
    item.insert("InvoiceId".into(), json!(invoice.invoice_id));
    item.insert("CreationDate".into(), json!(invoice.created_at.to_string()));
    item.entry("InvoiceType").or_insert_with(|| json!("Standard"));
    for (name, value) in
        [("ValidationStatus", "Not validated"), ("ApprovalStatus", "Not required"), ("PaidStatus", "Unpaid")]
    {
        item.insert(name.into(), json!(value));
    }
    item.insert("AmountPaid".into(), json!(0));
    item
}

fn self_links(base: &str, invoice: &Invoice) -> Value {
    let href = format!("{base}/invoices/{}", invoice.unique_id);
    let link = |rel: &str| {
        json!({"rel": rel, "href": href, "name": "invoices", "kind": "item",
               "properties": {"changeIndicator": etag(invoice)}})
    };
    json!([link("self"), link("canonical")])
}

fn etag(invoice: &Invoice) -> String {
    invoice.unique_id[..32].to_owned()
}
