//! `POST invoices`.

use axum::{
    extract::{OriginalUri, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use rust_decimal::Decimal;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Problem, etag, resource, self_links};
use crate::{
    ledger::{Entry, Invoice, Ledger},
    signature::to_hex,
    world::{Shared, World, journal_failed},
};

const ITEM_TYPE: &str = "application/vnd.oracle.adf.resourceitem+json";

/// Numeric ids begin here, as they do in a real pod.
const FIRST_INVOICE_ID: u64 = 300_000_100_000_001;

pub(super) async fn create(State(world): State<Shared>, uri: OriginalUri, headers: HeaderMap, body: Bytes) -> Response {
    let draft = match Draft::read(&headers, &body) {
        Ok(draft) => draft,
        Err(problem) => return problem.answer(&world, &headers),
    };
    let created = world.store.transact(|ledger| record(&world, ledger, draft));
    match created {
        Ok(Ok(invoice)) => answer(&invoice, &uri),
        Ok(Err(problem)) => problem.answer(&world, &headers),
        Err(error) => journal_failed(&error),
    }
}

fn record(world: &World, ledger: &Ledger, draft: Draft) -> (Option<Entry>, Result<Invoice, Problem>) {
    let Draft { supplier, number, amount, currency, body } = draft;
    if ledger.invoice(&supplier, &number).is_some() {
        let refused = Problem::bad(format!(
            "The invoice number {number} already exists for this supplier. Enter a unique invoice number. (AP-810776)"
        ));
        return (Some(Entry::InvoiceRepeated { supplier, number }), Err(refused.at("InvoiceNumber")));
    }
    let position = ledger.invoices.len() as u64;
    let invoice = Invoice {
        unique_id: to_hex(&Sha256::digest(format!("{}/{supplier}/{number}", world.config.seed))).to_uppercase(),
        invoice_id: FIRST_INVOICE_ID + position,
        order_reference: order_reference(&body),
        supplier,
        number,
        amount,
        currency,
        body,
        created_at: world.now(),
    };
    (Some(Entry::Invoice(invoice.clone())), Ok(invoice))
}

fn answer(invoice: &Invoice, uri: &OriginalUri) -> Response {
    let base = uri.path().trim_end_matches("/invoices");
    let mut item = resource(invoice);
    if let Some(lines) = invoice.body.get("invoiceLines") {
        item.insert("invoiceLines".into(), lines.clone());
    }
    item.insert("links".into(), self_links(base, invoice));
    let location = format!("{base}/invoices/{}", invoice.unique_id);
    let headers =
        [(header::CONTENT_TYPE, ITEM_TYPE.to_owned()), (header::LOCATION, location), (header::ETAG, etag(invoice))];
    (StatusCode::CREATED, headers, Value::Object(item).to_string()).into_response()
}

/// A readable creation.
struct Draft {
    supplier: String,
    number: String,
    amount: Decimal,
    currency: String,
    body: Value,
}

impl Draft {
    fn read(headers: &HeaderMap, body: &Bytes) -> Result<Self, Problem> {
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !(content_type.starts_with("application/json") || content_type.starts_with(ITEM_TYPE)) {
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send application/json."));
        }
        let body: Value =
            serde_json::from_slice(body).map_err(|error| Problem::bad(format!("The body is no JSON: {error}.")))?;
        let required = |name: &'static str| {
            let text = body.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
            text.map(str::to_owned).ok_or_else(|| {
                Problem::bad(format!("You must provide a value for the attribute {name}. (FND-2)")).at(name)
            })
        };
        let number = required("InvoiceNumber")?;
        if number.chars().count() > 50 {
            return Err(Problem::bad("The attribute InvoiceNumber has more than 50 characters.").at("InvoiceNumber"));
        }
        required("BusinessUnit")?;
        required("InvoiceDate")?
            .parse::<jiff::civil::Date>()
            .map_err(|_| Problem::bad("The attribute InvoiceDate is no date.").at("InvoiceDate"))?;
        let amount = decimal(body.get("InvoiceAmount"))
            .ok_or_else(|| Problem::bad("The attribute InvoiceAmount is no number.").at("InvoiceAmount"))?;
        // A supplier is named or numbered; the message names the attribute that people know.
        let supplier = required("SupplierNumber").or_else(|_| required("Supplier"))?;
        Ok(Self { supplier, number, amount, currency: required("InvoiceCurrency")?, body })
    }
}

/// JSON numbers are taken by their text, so that cents stay cents.
fn decimal(value: Option<&Value>) -> Option<Decimal> {
    match value? {
        Value::Number(number) => number.to_string().parse().ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// The order that an invoice pays: a field of that meaning anywhere in the body, or a UUID in the description.
fn order_reference(body: &Value) -> Option<String> {
    let described = || {
        let words = body.get("Description")?.as_str()?.split(|c: char| !(c.is_ascii_hexdigit() || c == '-'));
        words.filter_map(|word| word.parse::<Uuid>().ok()).map(|id| id.to_string()).next()
    };
    named_order(body).or_else(described)
}

fn named_order(value: &Value) -> Option<String> {
    const NAMES: [&str; 5] = ["fsmOrderId", "fsmServiceOrderId", "serviceOrderId", "service_order_id", "orderId"];
    match value {
        Value::Object(fields) => {
            let own = NAMES.iter().find_map(|name| fields.get(*name)?.as_str()).map(str::to_owned);
            own.or_else(|| fields.values().find_map(named_order))
        }
        Value::Array(items) => items.iter().find_map(named_order),
        _ => None,
    }
}
