//! The sales orders of seed 003: entered, and completed.

use std::collections::BTreeMap;

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use fsm_integration_core::{
    adapter::{
        CorrelationId, TenantId,
        fields::{FieldReader, Kind, id, integer, list, money, object, one_of, text},
    },
    event::{
        Amount, Currency,
        catalogue::{
            ContactMethod, OrderCustomer, OrderData, OrderPriority, OrderTotal, OrderType, ServiceAddress, ServiceItem,
        },
    },
};
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

use super::{
    read::{Formed, Named, NoBody, once, read_body},
    write::{answer, created},
};
use crate::{
    edge::{ApiError, JsonBytes},
    flow::{
        Flow,
        sales_orders::{COMPANY, DEPLOYMENT, NewSalesOrder},
    },
};

const PRIORITIES: &[(&str, OrderPriority)] = &[
    ("low", OrderPriority::Low),
    ("normal", OrderPriority::Medium),
    ("high", OrderPriority::High),
    ("urgent", OrderPriority::Urgent),
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Completing {
    order_id: Uuid,
    correlation_id: CorrelationId,
}

pub(super) async fn create(
    State(flow): State<Flow>,
    Extension(tenant): Extension<TenantId>,
    Extension(correlation_id): Extension<CorrelationId>,
    headers: HeaderMap,
    JsonBytes(body): JsonBytes,
) -> Result<Response, ApiError> {
    let (new, fingerprint) = read_body(&body, new_order)?;
    let once = once(&headers, &tenant, "sales.order", Some(&new.number), fingerprint)?;
    let made = flow.create_sales_order(&tenant, correlation_id, new, once).await?;
    let location = made.body["orderId"].as_str().map(|id| format!("/api/v2/orders/{id}"));
    Ok(created(made, location))
}

/// Completes an order, whether it was entered here or came by intake; the answer names the order's own journey.
pub(super) async fn complete(
    State(flow): State<Flow>,
    Extension(tenant): Extension<TenantId>,
    Named(order_id): Named<Uuid>,
    _: NoBody,
) -> Result<Response, ApiError> {
    let done = flow.complete_order(&tenant, order_id).await?;
    let completing = Completing { order_id, correlation_id: done.correlation_id };
    Ok(answer(StatusCode::ACCEPTED, completing, done.replayed))
}

fn new_order(body: &FieldReader<'_>) -> NewSalesOrder {
    let total = body.required("totalAmount", object(amount));
    let named = |name: &str| body.optional(name, id()).map(|value| (name.to_owned(), value));
    let metadata: BTreeMap<_, _> = [named(COMPANY), named(DEPLOYMENT)].into_iter().flatten().collect();
    let nothing = zero(total.currency());
    NewSalesOrder {
        number: body.required("orderNumber", id()),
        data: OrderData {
            order_type: OrderType::Installation,
            priority: body.optional("priority", one_of(PRIORITIES)).unwrap_or(OrderPriority::Medium),
            customer: customer(body.required("customerId", id())),
            service_address: body.required("serviceAddress", object(address)),
            service_items: body.required("items", list(1..=500, object(|line: &FieldReader<'_>| item(line, nothing)))),
            total_amount: OrderTotal { subtotal: total, tax: nothing, total },
            scheduling_preferences: None,
            required_skills: Vec::new(),
            estimated_duration: None,
            metadata: metadata.into(),
        },
    }
}

/// All that the workflow knows of the customer is the id.
fn customer(customer_id: String) -> OrderCustomer {
    OrderCustomer {
        customer_id,
        first_name: "".into(),
        last_name: "".into(),
        email: None,
        phone: None,
        preferred_contact_method: ContactMethod::Unknown,
    }
}

fn address(address: &FieldReader<'_>) -> ServiceAddress {
    ServiceAddress {
        street: address.required("street", text(200)).into(),
        street2: address.optional("street2", text(200)).map(Into::into),
        city: address.required("city", text(100)).into(),
        state: address.optional("state", text(100)),
        postal_code: address.required("postalCode", text(20)).into(),
        country: address.required("country", country()),
        access_notes: None,
        parking_instructions: None,
    }
}

fn item(line: &FieldReader<'_>, price: Amount) -> ServiceItem {
    let product_id = line.required("productId", id());
    let quantity = line.optional("quantity", integer(1..=1_000_000)).unwrap_or(1);
    ServiceItem {
        item_id: product_id.clone(),
        product_name: line.optional("productName", text(200)).unwrap_or_else(|| product_id.clone()),
        product_id,
        quantity: i32::try_from(quantity).expect("the bounds fit"),
        unit_price: price,
        serial_numbers: line.or_default("serialNumbers", list(0..=1_000, id())),
        requires_installation: true,
    }
}

fn amount(total: &FieldReader<'_>) -> Amount {
    let (value, currency) = (total.required("amount", money()), total.required("currency", currency()));
    Amount::new(value, currency).expect("the schema allows no more digits than an amount has")
}

fn zero(currency: Currency) -> Amount {
    Amount::new(Decimal::ZERO, currency).expect("zero is an amount in every currency")
}

fn currency() -> impl Kind<Value = Currency> {
    Formed {
        must: "must be an ISO 4217 currency such as USD",
        read: |code| Currency::new(code).ok(),
        placeholder: Currency::USD,
    }
}

fn country() -> impl Kind<Value = String> {
    Formed {
        must: "must be an ISO 3166-1 alpha-2 country such as US",
        read: |code| (code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())).then(|| code.to_owned()),
        placeholder: String::new(),
    }
}
