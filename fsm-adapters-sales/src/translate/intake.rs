use fsm_integration_core::{
    adapter::CorrelationId,
    event::{Amount, Currency, Event, catalogue as event},
};
use jiff::{Timestamp, civil::Time};
use rust_decimal::Decimal;

use super::OrderIdentity;
use crate::wire::{
    ContactMethod, Customer, IntakeStatus, Order, OrderIntakeResponse, OrderType, Priority, SalesSystem,
    SchedulingPreferences, ServiceAddress, ServiceItem, TimeWindow, TotalAmount,
};

/// An order that was accepted, as the event `sales.order.intake`.
///
/// The event's id follows from the order's identity, so that a repeated execution publishes the same event.
#[must_use]
pub fn intake(
    identity: &OrderIdentity,
    order: Order,
    correlation_id: CorrelationId,
    received_at: Timestamp,
) -> event::OrderIntakeReceived {
    event::OrderIntakeReceived {
        meta: event::EventMeta {
            event_id: identity.event_id(event::OrderIntakeReceived::TOPIC.as_str()),
            event_timestamp: received_at,
            correlation_id,
            tenant_id: identity.tenant.clone(),
            sequence: 1,
        },
        order_id: identity.order_id(),
        sales_system: source_system(order.sales_system),
        // The schema of intake does not say where the customer bought.
        sales_channel: event::SalesChannel::Unknown,
        order_data: event::OrderData {
            order_type: order_type(order.order_type),
            priority: priority(order.priority),
            customer: customer(order.customer),
            service_address: service_address(order.service_address),
            service_items: order.service_items.into_iter().map(service_item).collect(),
            total_amount: total_amount(&order.total_amount),
            scheduling_preferences: order.scheduling_preferences.map(scheduling_preferences),
            required_skills: order.required_skills,
            estimated_duration: order.estimated_duration.map(signed),
            metadata: order.metadata.into(),
        },
        external_order_id: order.external_order_id,
        raw_payload: order.raw_payload.into(),
    }
}

/// The body of the 202.
#[must_use]
pub fn received(
    identity: &OrderIdentity,
    correlation_id: &CorrelationId,
    received_at: Timestamp,
) -> OrderIntakeResponse {
    OrderIntakeResponse {
        order_id: identity.order_id().to_string(),
        external_order_id: identity.external_order_id.clone(),
        status: IntakeStatus::Received,
        correlation_id: correlation_id.as_str().to_owned(),
        received_at,
        appointment: None,
        errors: Vec::new(),
    }
}

/// The sales system in the words of the events.
#[must_use]
pub const fn source_system(system: SalesSystem) -> event::SourceSystem {
    match system {
        SalesSystem::Pyxis => event::SourceSystem::Pyxis,
        SalesSystem::Tempo => event::SourceSystem::Tempo,
    }
}

/// The sales system that an event names, if it is one of ours.
#[must_use]
pub const fn sales_system(source: event::SourceSystem) -> Option<SalesSystem> {
    match source {
        event::SourceSystem::Pyxis => Some(SalesSystem::Pyxis),
        event::SourceSystem::Tempo => Some(SalesSystem::Tempo),
        _ => None,
    }
}

/// The parts that an update may bring, as the event of intake holds them.
#[must_use]
pub fn customer(customer: Customer) -> event::OrderCustomer {
    event::OrderCustomer {
        customer_id: customer.customer_id,
        first_name: customer.first_name.into(),
        last_name: customer.last_name.into(),
        email: customer.email.map(Into::into),
        phone: customer.phone.map(Into::into),
        preferred_contact_method: match customer.preferred_contact_method {
            ContactMethod::Email => event::ContactMethod::Email,
            ContactMethod::Sms => event::ContactMethod::Sms,
            ContactMethod::Phone => event::ContactMethod::Phone,
        },
    }
}

/// The address as the event of intake holds it.
#[must_use]
pub fn service_address(address: ServiceAddress) -> event::ServiceAddress {
    event::ServiceAddress {
        street: address.street.into(),
        street2: address.street2.map(Into::into),
        city: address.city.into(),
        state: Some(address.state).filter(|state| !state.is_empty()),
        postal_code: address.postal_code.into(),
        country: address.country,
        access_notes: address.access_notes.map(Into::into),
        parking_instructions: address.parking_instructions.map(Into::into),
    }
}

/// The preferences as the event of intake holds them.
#[must_use]
pub fn scheduling_preferences(preferences: SchedulingPreferences) -> event::SchedulingPreferences {
    event::SchedulingPreferences {
        preferred_date: preferences.preferred_date,
        time_window: preferences.time_window.map(time_window),
        excluded_dates: preferences.excluded_dates,
        technician_preference: preferences.technician_preference,
        notes: preferences.notes.map(Into::into),
    }
}

fn time_window(window: TimeWindow) -> event::TimeWindow {
    let written = |time: Time| format!("{:02}:{:02}", time.hour(), time.minute());
    event::TimeWindow { start: written(window.start), end: written(window.end) }
}

fn service_item(item: ServiceItem) -> event::ServiceItem {
    event::ServiceItem {
        item_id: item.item_id,
        product_id: item.product_id,
        product_name: item.product_name,
        quantity: signed(item.quantity),
        unit_price: amount(item.unit_price.amount, item.unit_price.currency),
        serial_numbers: item.serial_numbers,
        requires_installation: item.requires_installation,
    }
}

fn total_amount(total: &TotalAmount) -> event::OrderTotal {
    event::OrderTotal {
        subtotal: amount(total.subtotal, total.currency),
        tax: amount(total.tax, total.currency),
        total: amount(total.total, total.currency),
    }
}

fn amount(value: Decimal, currency: Currency) -> Amount {
    Amount::new(value, currency).expect("intake lets at most 15 digits before and 4 after the point pass")
}

fn signed(count: u32) -> i32 {
    i32::try_from(count).expect("intake bounds every count far below 2^31")
}

const fn order_type(order_type: OrderType) -> event::OrderType {
    match order_type {
        OrderType::Installation => event::OrderType::Installation,
        OrderType::Repair => event::OrderType::Repair,
        OrderType::Maintenance => event::OrderType::Maintenance,
        OrderType::Upgrade => event::OrderType::Upgrade,
    }
}

const fn priority(priority: Priority) -> event::OrderPriority {
    match priority {
        Priority::Low => event::OrderPriority::Low,
        Priority::Medium => event::OrderPriority::Medium,
        Priority::High => event::OrderPriority::High,
        Priority::Urgent => event::OrderPriority::Urgent,
        Priority::Emergency => event::OrderPriority::Emergency,
    }
}

#[cfg(test)]
mod tests {
    use fsm_integration_core::{
        adapter::TenantId,
        event::{Event, codec::AvroCodec},
    };
    use serde_json::json;

    use super::*;
    use crate::inbound::read_order;

    fn event(body: &serde_json::Value) -> event::OrderIntakeReceived {
        let order = read_order(body.to_string().as_bytes()).unwrap();
        let identity = OrderIdentity::of(&TenantId::new("demo").unwrap(), &order);
        intake(&identity, order, CorrelationId::new("c-1").unwrap(), "2025-01-15T10:00:00.123Z".parse().unwrap())
    }

    fn body() -> serde_json::Value {
        json!({
            "externalOrderId": "PX-TEST-001", "salesSystem": "PYXIS", "orderType": "UPGRADE", "priority": "EMERGENCY",
            "customer": {"customerId": "C", "firstName": "John", "lastName": "Doe", "phone": "+1-555-0100",
                "preferredContactMethod": "SMS"},
            "serviceAddress": {"street": "1 Rue", "city": "Paris", "state": "", "postalCode": "75001", "country": "FR"},
            "serviceItems": [{"itemId": "I", "productId": "P", "productName": "N", "quantity": 3,
                "unitPrice": {"amount": "999999999999999.9999", "currency": "EUR"}, "requiresInstallation": false,
                "serialNumbers": ["S1"]}],
            "totalAmount": {"subtotal": "0", "tax": "0", "total": "0", "currency": "EUR"},
            "schedulingPreferences": {"timeWindow": {"start": "09:05", "end": "23:59"}, "excludedDates": ["2025-01-20"]},
            "metadata": {"k": "v"}
        })
    }

    fn consistent() -> serde_json::Value {
        let mut body = body();
        body["serviceItems"][0]["unitPrice"]["amount"] = json!("33.33");
        body["totalAmount"] = json!({"subtotal": "99.99", "tax": "8.5", "total": "108.49", "currency": "EUR"});
        body
    }

    #[test]
    fn f_v8_everything_about_one_order_has_one_key() {
        assert_eq!(event(&consistent()).key(), "4:demo,5:PYXIS,11:PX-TEST-001,");
        let identity = OrderIdentity::new(TenantId::new("demo").unwrap(), SalesSystem::Pyxis, "PX-TEST-001");
        assert_eq!(event(&consistent()).key(), identity.key());
    }

    #[test]
    fn an_order_becomes_its_event_with_every_field() {
        let event = event(&consistent());
        assert_eq!(event.order_id.to_string(), "89f610ba-631d-5f9d-b3c7-43fa36d1de38");
        let data = &event.order_data;
        assert_eq!((data.order_type, data.priority), (event::OrderType::Upgrade, event::OrderPriority::Emergency));
        assert_eq!(data.customer.phone.as_deref().map(String::as_str), Some("+15550100"));
        assert_eq!(data.service_address.state, None, "blank is none");
        assert_eq!(data.total_amount.total.to_string(), "108.49 EUR");
        assert_eq!((data.service_items[0].quantity, data.service_items[0].serial_numbers.len()), (3, 1));
        let preferences = data.scheduling_preferences.as_ref().unwrap();
        assert_eq!(preferences.time_window.as_ref().unwrap().start, "09:05");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&event.raw_payload).unwrap(), consistent());
    }

    #[test]
    fn the_event_goes_through_the_codec_and_comes_back() {
        let event = event(&consistent());
        let codec = AvroCodec::bundled();
        let bytes = codec.encode(&event).unwrap();
        assert_eq!(codec.decode::<event::OrderIntakeReceived>(&bytes).unwrap(), event);
    }

    #[test]
    fn f_i9_a_repeated_execution_makes_the_same_event() {
        assert_eq!(event(&consistent()), event(&consistent()));
    }

    #[test]
    fn the_largest_amount_that_intake_lets_pass_is_an_amount() {
        let mut body = body();
        body["serviceItems"][0]["quantity"] = json!(1);
        let most = "999999999999999.9999";
        body["totalAmount"] = json!({"subtotal": most, "tax": "0", "total": most, "currency": "EUR"});
        assert_eq!(event(&body).order_data.total_amount.total.to_string(), format!("{most} EUR"));
    }

    #[test]
    fn the_202_says_what_the_source_documents_say() {
        let identity = OrderIdentity::new(TenantId::new("demo").unwrap(), SalesSystem::Pyxis, "PX-TEST-001");
        let at = "2025-01-15T10:00:00.1234567Z".parse().unwrap();
        let answer = received(&identity, &CorrelationId::new("c-1").unwrap(), at);
        let expected = json!({
            "orderId": "89f610ba-631d-5f9d-b3c7-43fa36d1de38", "externalOrderId": "PX-TEST-001", "status": "RECEIVED",
            "correlationId": "c-1", "receivedAt": "2025-01-15T10:00:00.123Z"
        });
        assert_eq!(serde_json::to_value(answer).unwrap(), expected);
    }
}
