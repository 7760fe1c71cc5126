use super::*;

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

fn query(body: &Value) -> Result<SlotQuery> {
    read_slot_query(body.to_string().as_bytes())
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
