use fsm_integration_core::{
    adapter::fields::{
        At, FieldReader, Kind, boolean, date, email, id, integer, list, map, money, note, object, one_of, phone, text,
    },
    event::Currency,
};
use rust_decimal::Decimal;

use super::{LONGEST_WORK, count, time_window};
use crate::wire::{
    ContactMethod, Customer, Order, OrderType, Price, Priority, SalesSystem, SchedulingPreferences, ServiceAddress,
    ServiceItem, TotalAmount,
};

/// Rounding may put a sum this far off: once for the total, once for each line (requirements F-V3, F-V4).
const TOLERANCE: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

/// The most lines of one order.
const MOST_ITEMS: usize = 500;
/// The most pieces of one line.
const MOST_PIECES: i64 = 1_000_000;

pub(super) fn order(order: &FieldReader<'_>) -> Order {
    let read = Order {
        external_order_id: order.required("externalOrderId", id()),
        sales_system: order.required("salesSystem", one_of(SalesSystem::WORDS)),
        order_type: order.required("orderType", one_of(OrderType::WORDS)),
        priority: order.required("priority", one_of(Priority::WORDS)),
        customer: order.required("customer", object(customer)),
        service_address: order.required("serviceAddress", object(service_address)),
        service_items: order.required("serviceItems", list(1..=MOST_ITEMS, object(service_item))),
        total_amount: order.required("totalAmount", object(total_amount)),
        scheduling_preferences: order.optional("schedulingPreferences", object(scheduling_preferences)),
        required_skills: order.or_default("requiredSkills", list(0..=50, id())),
        estimated_duration: order.optional("estimatedDuration", integer(1..=LONGEST_WORK)).map(count),
        metadata: order.or_default("metadata", map(50, note(1_000))),
        raw_payload: String::new(),
        fingerprint: [0; 32],
    };
    if order.is_sound("serviceItems") && order.is_sound("totalAmount") {
        items_make_the_subtotal(order, &read);
    }
    read
}

pub(super) fn customer(customer: &FieldReader<'_>) -> Customer {
    let read = Customer {
        customer_id: customer.required("customerId", id()),
        first_name: customer.required("firstName", text(100)),
        last_name: customer.required("lastName", text(100)),
        email: customer.optional("email", email()),
        phone: customer.optional("phone", phone()),
        preferred_contact_method: customer.required("preferredContactMethod", one_of(ContactMethod::WORDS)),
    };
    if read.email.is_none() && read.phone.is_none() {
        customer.error_here("needs an e-mail address or a telephone number");
    }
    read
}

pub(super) fn service_address(address: &FieldReader<'_>) -> ServiceAddress {
    if !address.has("state") {
        address.error("state", "is required; empty where a country has none");
    }
    ServiceAddress {
        street: address.required("street", text(200)),
        street2: address.optional("street2", text(200)),
        city: address.required("city", text(100)),
        state: address.optional("state", text(100)).unwrap_or_default(),
        postal_code: address.required("postalCode", text(20)),
        country: address.required("country", country()),
        access_notes: address.optional("accessNotes", note(2_000)),
        parking_instructions: address.optional("parkingInstructions", note(2_000)),
    }
}

fn service_item(item: &FieldReader<'_>) -> ServiceItem {
    ServiceItem {
        item_id: item.required("itemId", id()),
        product_id: item.required("productId", id()),
        product_name: item.required("productName", text(200)),
        quantity: count(item.required("quantity", integer(1..=MOST_PIECES))),
        unit_price: item.required("unitPrice", object(price)),
        serial_numbers: item.or_default("serialNumbers", list(0..=1_000, id())),
        requires_installation: item.required("requiresInstallation", boolean()),
    }
}

fn price(price: &FieldReader<'_>) -> Price {
    Price { amount: price.required("amount", money()), currency: price.required("currency", currency()) }
}

fn total_amount(total: &FieldReader<'_>) -> TotalAmount {
    let read = TotalAmount {
        subtotal: total.required("subtotal", money()),
        tax: total.required("tax", money()),
        total: total.required("total", money()),
        currency: total.required("currency", currency()),
    };
    let sound = ["subtotal", "tax", "total"].iter().all(|name| total.is_sound(name));
    // 15 digits before the point, so that nothing here can overflow 28.
    if sound && (read.subtotal + read.tax - read.total).abs() > TOLERANCE {
        total.error("total", "must be subtotal + tax, to within 0.01");
    }
    read
}

pub(super) fn scheduling_preferences(preferences: &FieldReader<'_>) -> SchedulingPreferences {
    SchedulingPreferences {
        preferred_date: preferences.optional("preferredDate", date()),
        time_window: preferences.optional("timeWindow", time_window()),
        excluded_dates: preferences.or_default("excludedDates", list(0..=366, date())),
        technician_preference: preferences.optional("technicianPreference", id()),
        notes: preferences.optional("notes", note(2_000)),
    }
}

/// One currency throughout, and lines that add up; the schema knows no discount that could explain a difference.
fn items_make_the_subtotal(order: &FieldReader<'_>, read: &Order) {
    let total = &read.total_amount;
    let mut sum = Some(Decimal::ZERO);
    let mut one_currency = true;
    for (index, item) in read.service_items.iter().enumerate() {
        if item.unit_price.currency != total.currency {
            one_currency = false;
            let field = format!("serviceItems[{index}].unitPrice.currency");
            order.error(&field, "must be the currency of totalAmount");
        }
        let line = item.unit_price.amount.checked_mul(item.quantity.into());
        sum = sum.zip(line).and_then(|(sum, line)| sum.checked_add(line));
    }
    let tolerance = TOLERANCE * Decimal::from(read.service_items.len());
    let adds_up = sum.is_some_and(|sum| (sum - total.subtotal).abs() <= tolerance);
    if one_currency && !adds_up {
        order.error("totalAmount.subtotal", "must be the sum of quantity x unit price, to within 0.01 a line");
    }
}

fn currency() -> impl Kind<Value = Currency> {
    Code {
        must: "must be an ISO 4217 currency such as USD",
        read: |text| Currency::new(text).ok(),
        placeholder: Currency::USD,
    }
}

/// Which countries exist changes over time and is not checked; geocoding finds out.
fn country() -> impl Kind<Value = String> {
    Code {
        must: "must be an ISO 3166-1 alpha-2 country such as US",
        read: |text| (text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase())).then(|| text.to_owned()),
        placeholder: String::new(),
    }
}

/// A short code of a standard.
struct Code<T> {
    must: &'static str,
    read: fn(&str) -> Option<T>,
    placeholder: T,
}

impl<T: Clone> Kind for Code<T> {
    type Value = T;

    fn read(&self, at: At<'_>) -> T {
        at.value().as_str().and_then(self.read).unwrap_or_else(|| {
            at.error(self.must);
            self.placeholder.clone()
        })
    }
}
