use super::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn key() -> WebhookKey {
    WebhookKey::parse(SECRET).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn signed(now: &str) -> HeaderMap {
    key().sign("evt_1", at(now), b"{\"a\":1}")
}

fn check(headers: &HeaderMap, now: &str) -> Result<Verified, Refused> {
    verify(&[key()], headers, b"{\"a\":1}", at(now))
}

#[test]
fn standard_signature_matches_the_published_vector() {
    let at = Timestamp::from_second(1_614_265_330).unwrap();
    let headers = key().sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b"{\"test\": 2432232314}");
    assert_eq!(headers[HEADER_WEBHOOK_SIGNATURE], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

/// Computed with `openssl dgst -sha256 -mac HMAC -macopt hexkey:...`.
#[test]
fn fsm_signature_covers_timestamp_and_body() {
    let headers = signed("2025-01-16T10:30:00.123Z");
    assert_eq!(headers[FSM_TIMESTAMP], "2025-01-16T10:30:00.123Z");
    assert_eq!(headers[FSM_SIGNATURE], "3d1980662c723adbb6ce47ff316c0c673aa3d08de7678a1318a0e583d297f2e9");
}

#[test]
fn a_signed_delivery_is_believed_under_any_clock() {
    let headers = signed("2031-05-01T12:00:00.999Z");
    let verified = check(&headers, "2031-05-01T12:00:03Z").unwrap();
    assert_eq!(verified, Verified { id: "evt_1".into(), sent_at: at("2031-05-01T12:00:00.999Z") });
}

#[test]
fn the_window_is_five_minutes_inclusive_in_both_directions() {
    let headers = signed("2025-01-16T10:30:00.000Z");
    assert!(check(&headers, "2025-01-16T10:35:00Z").is_ok());
    assert!(check(&headers, "2025-01-16T10:25:00Z").is_ok());
    assert_eq!(check(&headers, "2025-01-16T10:35:00.001Z"), Err(Refused::OutsideWindow(FSM_TIMESTAMP)));
    assert_eq!(check(&headers, "2025-01-16T10:24:59.999Z"), Err(Refused::OutsideWindow(FSM_TIMESTAMP)));
}

#[test]
fn every_altered_part_is_refused() {
    let now = "2025-01-16T10:30:00.000Z";
    let altered = |name: &'static str, value: &str| {
        let mut headers = signed(now);
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        check(&headers, now).unwrap_err()
    };
    assert_eq!(altered(HEADER_WEBHOOK_ID, "evt_2"), Refused::Disagree(FSM_EVENT_ID, HEADER_WEBHOOK_ID));
    assert_eq!(altered(FSM_EVENT_ID, "evt_2"), Refused::Disagree(FSM_EVENT_ID, HEADER_WEBHOOK_ID));
    let moved = altered(FSM_TIMESTAMP, "2025-01-16T10:31:00.000Z");
    assert_eq!(moved, Refused::Disagree(FSM_TIMESTAMP, HEADER_WEBHOOK_TIMESTAMP));
    assert_eq!(altered(FSM_TIMESTAMP, "2025-01-16T10:30:00.001Z"), Refused::BadSignature(FSM_SIGNATURE));
    assert_eq!(altered(FSM_TIMESTAMP, "2025-01-16T10:30:00Z"), Refused::Malformed(FSM_TIMESTAMP));
    assert_eq!(altered(FSM_TIMESTAMP, "2025-01-16T10:30:00.000"), Refused::Malformed(FSM_TIMESTAMP));
    for extreme in ["-9223372036854775808", "9223372036854775807", "1e9", "", "253402207200"] {
        let refused = altered(HEADER_WEBHOOK_TIMESTAMP, extreme);
        assert_eq!(refused, Refused::Malformed(HEADER_WEBHOOK_TIMESTAMP), "{extreme}");
    }
    assert_eq!(altered(HEADER_WEBHOOK_SIGNATURE, "v1,"), Refused::BadSignature(HEADER_WEBHOOK_SIGNATURE));
    assert_eq!(altered(FSM_SIGNATURE, "00"), Refused::Malformed(FSM_SIGNATURE));
    assert_eq!(altered(FSM_SIGNATURE, &"0".repeat(64)), Refused::BadSignature(FSM_SIGNATURE));
    let uppercase = signed(now)[FSM_SIGNATURE].to_str().unwrap().to_uppercase();
    assert_eq!(altered(FSM_SIGNATURE, &uppercase), Refused::Malformed(FSM_SIGNATURE));
}

#[test]
fn the_body_is_covered_twice() {
    let now = "2025-01-16T10:30:00.000Z";
    let headers = signed(now);
    assert!(verify(&[key()], &headers, b"{\"a\":2}", at(now)).is_err());

    let mut only_standard = key().sign("evt_1", at(now), b"{\"a\":2}");
    only_standard.insert(FSM_SIGNATURE, headers[FSM_SIGNATURE].clone());
    let refused = verify(&[key()], &only_standard, b"{\"a\":2}", at(now));
    assert_eq!(refused, Err(Refused::BadSignature(FSM_SIGNATURE)));
}

#[test]
fn missing_and_repeated_headers_are_refused() {
    let now = "2025-01-16T10:30:00.000Z";
    for name in [HEADER_WEBHOOK_ID, HEADER_WEBHOOK_TIMESTAMP, HEADER_WEBHOOK_SIGNATURE, FSM_SIGNATURE] {
        let mut headers = signed(now);
        let value = headers.remove(name).unwrap();
        assert_eq!(check(&headers, now), Err(Refused::Missing(name)));
        headers.append(name, value.clone());
        headers.append(name, value);
        assert_eq!(check(&headers, now), Err(Refused::Repeated(name)));
    }
}

#[test]
fn any_accepted_secret_is_enough() {
    let now = "2025-01-16T10:30:00.000Z";
    let newer = WebhookKey::parse("whsec_cHl4aXMtZGVtby1zZWNyZXQtMzItYnl0ZXMtbG9uZyE=").unwrap();
    assert!(verify(&[newer.clone(), key()], &signed(now), b"{\"a\":1}", at(now)).is_ok());
    assert!(verify(&[newer], &signed(now), b"{\"a\":1}", at(now)).is_err());
}

#[test]
fn weak_and_malformed_secrets_are_refused() {
    for secret in ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64"] {
        assert_eq!(WebhookKey::parse(secret).unwrap_err(), BadSecret, "{secret}");
    }
}
