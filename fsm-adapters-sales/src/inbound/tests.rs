use fsm_integration_core::error::Error;
use serde_json::{Value, json};

use super::*;
use crate::wire::SalesChange;

/// The sample order of the source documents.
fn sample() -> Value {
    json!({
        "externalOrderId": "PX-TEST-001",
        "salesSystem": "PYXIS",
        "orderType": "INSTALLATION",
        "priority": "MEDIUM",
        "customer": {
            "customerId": "CUST-001", "firstName": "John", "lastName": "Doe", "email": "john.doe@example.com",
            "phone": "+1-555-0100", "preferredContactMethod": "EMAIL"
        },
        "serviceAddress": {
            "street": "123 Main St", "city": "San Francisco", "state": "CA", "postalCode": "94105", "country": "US"
        },
        "serviceItems": [{
            "itemId": "ITEM-001", "productId": "PROD-FIBER-1GB", "productName": "Fiber Internet 1GB", "quantity": 1,
            "unitPrice": {"amount": "99.99", "currency": "USD"}, "requiresInstallation": true
        }],
        "totalAmount": {"subtotal": "99.99", "tax": "8.50", "total": "108.49", "currency": "USD"},
        "schedulingPreferences": {"preferredDate": "2025-01-20", "timeWindow": {"start": "09:00", "end": "12:00"}},
        "requiredSkills": ["FIBER_INSTALLATION"],
        "estimatedDuration": 120
    })
}

fn slots() -> Value {
    json!({
        "serviceAddress": {"latitude": 37.77, "longitude": -122.41},
        "serviceType": "INSTALLATION",
        "estimatedDuration": 120,
        "dateRange": {"startDate": "2025-01-20", "endDate": "2025-01-27"},
        "requiredSkills": ["FIBER_INSTALLATION"],
        "filters": {"timeWindow": {"start": "09:00", "end": "12:30"}, "preferredDays": ["MON", "FRI"]}
    })
}

/// The body with one place changed; a JSON pointer whose last part need not exist yet.
fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[name] = value;
    body
}

fn without(mut body: Value, pointer: &str) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).expect("there before");
    body
}

fn order(body: &Value) -> Result<Order> {
    read_order(body.to_string().as_bytes())
}

fn query(body: &Value) -> Result<SlotQuery> {
    read_slot_query(body.to_string().as_bytes())
}

fn fields(error: &Error) -> Vec<&str> {
    error.details().iter().map(|detail| detail.field.as_str()).collect()
}

/// Asserts that exactly these fields of the order are bad.
fn bad(body: &Value, expected: &[&str]) {
    let error = order(body).expect_err("a bad order");
    assert_eq!(error.kind(), ErrorKind::InvalidOrder);
    assert_eq!(fields(&error), expected);
}

fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace("/0", "[0]").replace('/', ".")
}

#[test]
fn the_sample_order_is_read_in_full() {
    let order = order(&sample()).unwrap();
    assert_eq!((order.external_order_id.as_str(), order.sales_system), ("PX-TEST-001", SalesSystem::Pyxis));
    assert_eq!(order.customer.phone.as_deref(), Some("+15550100"));
    assert_eq!(order.total_amount.total.to_string(), "108.49");
    let preferences = order.scheduling_preferences.unwrap();
    assert_eq!(preferences.preferred_date.unwrap().to_string(), "2025-01-20", "in the past, accepted");
    assert_eq!((order.estimated_duration, order.required_skills.len()), (Some(120), 1));
    assert_eq!(serde_json::from_str::<Value>(&order.raw_payload).unwrap(), sample());
}

#[test]
fn f_v1_every_required_field_is_required_and_named() {
    let required = [
        "/externalOrderId",
        "/salesSystem",
        "/orderType",
        "/priority",
        "/customer",
        "/customer/customerId",
        "/customer/firstName",
        "/customer/lastName",
        "/customer/preferredContactMethod",
        "/serviceAddress",
        "/serviceAddress/street",
        "/serviceAddress/city",
        "/serviceAddress/state",
        "/serviceAddress/postalCode",
        "/serviceAddress/country",
        "/serviceItems",
        "/serviceItems/0/itemId",
        "/serviceItems/0/productId",
        "/serviceItems/0/productName",
        "/serviceItems/0/quantity",
        "/serviceItems/0/unitPrice",
        "/serviceItems/0/unitPrice/amount",
        "/serviceItems/0/unitPrice/currency",
        "/serviceItems/0/requiresInstallation",
        "/totalAmount",
        "/totalAmount/subtotal",
        "/totalAmount/tax",
        "/totalAmount/total",
        "/totalAmount/currency",
        "/schedulingPreferences/timeWindow/start",
        "/schedulingPreferences/timeWindow/end",
    ];
    for pointer in required {
        bad(&without(sample(), pointer), &[&dotted(pointer)]);
        bad(&with(sample(), pointer, Value::Null), &[&dotted(pointer)]);
    }
}

#[test]
fn f_v1_every_field_is_checked_and_named() {
    let wrong = [
        ("/externalOrderId", json!("a\nb")),
        ("/externalOrderId", json!("x".repeat(129))),
        ("/externalOrderId", json!(7)),
        ("/salesSystem", json!("SAP")),
        ("/salesSystem", json!("pyxis")),
        ("/orderType", json!("DELIVERY")),
        ("/priority", json!("CRITICAL")),
        ("/customer", json!("John")),
        ("/customer/firstName", json!("J\u{1b}[2J")),
        ("/customer/lastName", json!("x".repeat(101))),
        ("/customer/preferredContactMethod", json!("FAX")),
        ("/serviceAddress/country", json!("USA")),
        ("/serviceAddress/country", json!("us")),
        ("/serviceAddress/state", json!(5)),
        ("/serviceAddress/accessNotes", json!("\u{0}")),
        ("/serviceItems", json!([])),
        ("/serviceItems", json!({})),
        ("/serviceItems/0/quantity", json!(0)),
        ("/serviceItems/0/quantity", json!(-1)),
        ("/serviceItems/0/quantity", json!(1.5)),
        ("/serviceItems/0/quantity", json!("1")),
        ("/serviceItems/0/quantity", json!(1e18)),
        ("/serviceItems/0/requiresInstallation", json!("yes")),
        ("/serviceItems/0/unitPrice/currency", json!("usd")),
        ("/serviceItems/0/unitPrice/amount", json!(99.99)),
        ("/totalAmount/currency", json!("US$")),
        ("/schedulingPreferences", json!("tomorrow")),
        ("/schedulingPreferences/preferredDate", json!("2025-02-30")),
        ("/schedulingPreferences/timeWindow/start", json!("9:00")),
        ("/schedulingPreferences/timeWindow/end", json!("24:00")),
        ("/requiredSkills", json!("FIBER")),
        ("/estimatedDuration", json!(0)),
        ("/estimatedDuration", json!("120")),
        ("/metadata", json!([])),
    ];
    for (pointer, value) in wrong {
        bad(&with(sample(), pointer, value), &[&dotted(pointer)]);
    }
    bad(&with(sample(), "/serviceItems", json!([null])), &["serviceItems[0]"]);
    bad(&with(sample(), "/requiredSkills", json!(["A", 1])), &["requiredSkills[1]"]);
    bad(&with(sample(), "/serviceItems/0/serialNumbers", json!(["", "S"])), &["serviceItems[0].serialNumbers[0]"]);
    bad(&with(sample(), "/metadata", json!({"k": 1})), &["metadata.k"]);
    let window = json!({"timeWindow": {"start": "12:00", "end": "12:00"}, "excludedDates": ["2025-01-20", "soon"]});
    let expected = ["schedulingPreferences.timeWindow.end", "schedulingPreferences.excludedDates[1]"];
    bad(&with(sample(), "/schedulingPreferences", window), &expected);
}

#[test]
fn all_bad_fields_are_named_at_once() {
    let mut body = with(sample(), "/customer/email", json!("a@b..c"));
    body = with(body, "/serviceItems/0/quantity", json!(0));
    body = with(body, "/totalAmount/tax", json!("abc"));
    body = without(body, "/priority");
    bad(&body, &["priority", "customer.email", "serviceItems[0].quantity", "totalAmount.tax"]);
}

#[test]
fn an_email_or_a_phone_is_enough() {
    assert!(order(&without(sample(), "/customer/email")).is_ok());
    assert!(order(&with(sample(), "/customer/phone", json!(""))).is_ok());
    bad(&without(without(sample(), "/customer/email"), "/customer/phone"), &["customer"]);
    bad(&with(without(sample(), "/customer/email"), "/customer/phone", json!("call me")), &["customer.phone"]);
}

#[test]
fn a_country_may_have_no_states_but_the_sender_says_so() {
    assert_eq!(order(&with(sample(), "/serviceAddress/state", json!(""))).unwrap().service_address.state, "");
}

fn priced(unit: &str, subtotal: &str, tax: &str, total: &str) -> Value {
    let amounts = json!({"subtotal": subtotal, "tax": tax, "total": total, "currency": "USD"});
    with(with(sample(), "/serviceItems/0/unitPrice/amount", json!(unit)), "/totalAmount", amounts)
}

#[test]
fn f_v2_money_is_a_plain_decimal_string() {
    for wrong in ["abc", "NaN", "0x10", "1,000.00", "99.99abc", "-1.00", "1e2", "1_000", "1.00001", "1000000000000000"]
    {
        bad(&with(sample(), "/totalAmount/tax", json!(wrong)), &["totalAmount.tax"]);
    }
    bad(&with(sample(), "/totalAmount/tax", json!("")), &["totalAmount.tax"]);
    bad(&with(sample(), "/totalAmount/tax", json!(8.5)), &["totalAmount.tax"]);
}

#[test]
fn f_v3_a_total_is_refused_only_when_it_is_more_than_a_cent_off() {
    let exact = [("1.00", "0", "1.01"), ("100", "8", "108.01"), ("10.00", "0.00", "10.01"), ("10.00", "0.00", "9.99")];
    for (subtotal, tax, total) in exact {
        assert!(order(&priced(subtotal, subtotal, tax, total)).is_ok(), "{subtotal} + {tax} = {total}");
    }
    for (subtotal, tax, total) in
        [("1.00", "0", "1.0101"), ("1.00", "0", "0.9899"), ("999999999999999.9999", "0", "999999999999999.98")]
    {
        bad(&priced(subtotal, subtotal, tax, total), &["totalAmount.total"]);
    }
}

#[test]
fn f_v4_items_add_up_to_the_subtotal_within_a_cent_a_line() {
    assert!(order(&priced("99.98", "99.99", "0", "99.99")).is_ok());
    bad(&priced("99.97", "99.99", "0", "99.99"), &["totalAmount.subtotal"]);
    let mut two = priced("33.33", "66.68", "0", "66.68");
    let line = two["serviceItems"][0].clone();
    two["serviceItems"].as_array_mut().unwrap().push(line);
    assert!(order(&two).is_ok(), "two lines, two cents");
    two["totalAmount"]["subtotal"] = json!("66.69");
    two["totalAmount"]["total"] = json!("66.69");
    bad(&two, &["totalAmount.subtotal"]);
    let huge = with(priced("999999999999999", "0", "0", "0"), "/serviceItems/0/quantity", json!(1_000_000));
    bad(&huge, &["totalAmount.subtotal"]);
}

#[test]
fn f_v4_all_currencies_are_the_same() {
    bad(&with(sample(), "/serviceItems/0/unitPrice/currency", json!("EUR")), &["serviceItems[0].unitPrice.currency"]);
}

#[test]
fn unknown_fields_are_ignored_but_part_of_the_payload() {
    let plain = order(&sample()).unwrap();
    let more = order(&with(sample(), "/loyalty", json!({"points": 1}))).unwrap();
    assert_eq!(plain.customer, more.customer);
    assert_ne!(plain.fingerprint, more.fingerprint);
}

#[test]
fn f_i11_payloads_are_equal_when_their_canonical_json_is() {
    let plain = order(&sample()).unwrap().fingerprint;
    let pretty = serde_json::to_vec_pretty(&sample()).unwrap();
    assert_eq!(read_order(&pretty).unwrap().fingerprint, plain);
    assert_ne!(order(&with(sample(), "/priority", json!("HIGH"))).unwrap().fingerprint, plain);
}

#[test]
fn hostile_bodies_are_refused_and_nothing_of_them_is_shown() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let secret = "topsecret@example.com";
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"{".to_vec(),
        b"not json".to_vec(),
        b"\xff\xfe{}".to_vec(),
        b"{} {}".to_vec(),
        b"NaN".to_vec(),
        deep.into_bytes(),
        "\u{feff}{}".into(),
        format!("{{\"{secret}").into_bytes(),
        format!(r#"{{"customer":{{"email":"{secret}","email":"{secret}"}}}}"#).into_bytes(),
        format!("[{}0]", "0,".repeat(500_000)).into_bytes(),
    ];
    for body in bodies {
        let error = read_order(&body).unwrap_err();
        assert_eq!((error.kind(), error.kind().status()), (ErrorKind::MalformedOrder, 400));
        assert!(!format!("{error} {error:?}").contains("topsecret"));
        assert_eq!(read_slot_query(&body).unwrap_err().kind(), ErrorKind::MalformedRequest);
    }
    for body in ["null", "[]", "\"x\"", "1", "true", "{}"] {
        assert_eq!(read_order(body.as_bytes()).unwrap_err().kind().status(), 422, "{body}");
    }
    let mail = with(sample(), "/customer/email", json!(format!("{secret} oops")));
    let error = order(&mail).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("topsecret"));
}

#[test]
fn personal_data_stays_out_of_debug() {
    let shown = format!("{:?}", order(&sample()).unwrap());
    for personal in ["John", "Doe", "example.com", "5550100", "Main St", "94105"] {
        assert!(!shown.contains(personal), "{personal}");
    }
}

#[test]
fn a_slot_query_is_read_and_echoed() {
    let read = query(&slots()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), slots());
}

#[test]
fn f_s1_zero_degrees_are_a_place_and_others_have_bounds() {
    for (latitude, longitude) in [(0.0, 0.0), (90.0, 180.0), (-90.0, -180.0)] {
        let place = json!({"latitude": latitude, "longitude": longitude});
        assert!(query(&with(slots(), "/serviceAddress", place)).is_ok());
    }
    for (latitude, longitude) in [(json!(999), json!(181)), (json!("abc"), json!("0")), (Value::Null, Value::Null)] {
        let place = json!({"latitude": latitude, "longitude": longitude});
        let error = query(&with(slots(), "/serviceAddress", place)).unwrap_err();
        assert_eq!(fields(&error), ["serviceAddress.latitude", "serviceAddress.longitude"]);
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    }
}

#[test]
fn f_s2_a_range_is_of_real_days_the_first_before_the_last_at_most_90() {
    let range =
        |start: &str, end: &str| query(&with(slots(), "/dateRange", json!({"startDate": start, "endDate": end})));
    assert!(range("2025-01-20", "2025-01-21").is_ok());
    assert!(range("2025-03-01", "2025-05-30").is_ok(), "90 days over the change to summer time");
    for (start, end, field) in [
        ("2025-03-01", "2025-05-31", "dateRange.endDate"),
        ("2025-01-20", "2025-01-20", "dateRange.endDate"),
        ("2025-01-21", "2025-01-20", "dateRange.endDate"),
        ("2025-02-30", "2025-03-05", "dateRange.startDate"),
        ("2025-01-20", "soon", "dateRange.endDate"),
        ("0001-01-01", "9999-12-31", "dateRange.endDate"),
    ] {
        assert_eq!(fields(&range(start, end).unwrap_err()), [field], "{start} {end}");
    }
}

#[test]
fn f_s3_a_missing_date_range_is_named() {
    assert_eq!(fields(&query(&without(slots(), "/dateRange")).unwrap_err()), ["dateRange"]);
    assert_eq!(fields(&query(&without(slots(), "/dateRange/endDate")).unwrap_err()), ["dateRange.endDate"]);
}

#[test]
fn every_other_field_of_a_slot_query_is_checked() {
    for (pointer, value) in [
        ("/serviceType", json!("")),
        ("/estimatedDuration", json!(0)),
        ("/estimatedDuration", json!(-5)),
        ("/requiredSkills", json!("X")),
        ("/technicianPreference", json!(1)),
        ("/filters", json!([])),
        ("/filters/timeWindow/end", json!("09:00")),
        ("/filters/excludeDates", json!("x")),
    ] {
        assert_eq!(fields(&query(&with(slots(), pointer, value)).unwrap_err()), [dotted(pointer)]);
    }
    let days = query(&with(slots(), "/filters/preferredDays", json!(["MON", "monday"]))).unwrap_err();
    assert_eq!(fields(&days), ["filters.preferredDays[1]"]);
}

fn webhook(body: &Value) -> Result<SalesWebhook> {
    read_sales_webhook(SalesSystem::Pyxis, body.to_string().as_bytes())
}

fn cancelled() -> Value {
    json!({
        "eventId": "EV-1", "eventType": "ORDER_CANCELLED", "timestamp": "2025-01-18T10:00:00Z",
        "externalOrderId": "PX-TEST-001", "reason": "changed my mind"
    })
}

#[test]
fn a_cancellation_is_read() {
    let read = webhook(&cancelled()).unwrap();
    assert_eq!(read.change, SalesChange::Cancelled { reason: "changed my mind".into() });
    assert_eq!((read.external_order_id.as_str(), read.sales_system), ("PX-TEST-001", SalesSystem::Pyxis));
    assert_eq!(fields(&webhook(&without(cancelled(), "/reason")).unwrap_err()), ["reason"]);
}

#[test]
fn an_update_changes_something_and_what_it_changes_is_checked() {
    let update = with(without(cancelled(), "/reason"), "/eventType", json!("ORDER_UPDATED"));
    assert_eq!(fields(&webhook(&update).unwrap_err()), [""]);
    let moved = with(update.clone(), "/schedulingPreferences", json!({"preferredDate": "2025-01-22"}));
    assert!(matches!(webhook(&moved).unwrap().change, SalesChange::Updated { scheduling_preferences: Some(_), .. }));
    let bad = with(update, "/serviceAddress", with(sample()["serviceAddress"].clone(), "/country", json!("x")));
    assert_eq!(fields(&webhook(&bad).unwrap_err()), ["serviceAddress.country"]);
}

#[test]
fn a_webhook_speaks_for_the_system_that_signed_it() {
    assert!(webhook(&with(cancelled(), "/salesSystem", json!("PYXIS"))).is_ok());
    assert_eq!(fields(&webhook(&with(cancelled(), "/salesSystem", json!("TEMPO"))).unwrap_err()), ["salesSystem"]);
    let strange = webhook(&with(cancelled(), "/eventType", json!("ORDER_EATEN"))).unwrap_err();
    assert_eq!(fields(&strange), ["eventType"]);
}
