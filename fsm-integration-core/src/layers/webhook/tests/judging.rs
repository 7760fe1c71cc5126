use proptest::prelude::*;

use super::{signed::Signed, *};
use crate::error::ErrorKind;

#[test]
fn the_official_vector_is_made_and_accepted() {
    let room = room();
    let headers = room.signed();
    assert_eq!(headers["webhook-id"], VECTOR_ID);
    assert_eq!(headers["webhook-timestamp"], VECTOR_SECOND.to_string());
    assert_eq!(headers["webhook-signature"], VECTOR_SIGNATURE);
    let verified = room.verify(&headers).expect("the vector");
    assert_eq!((verified.family(), verified.id()), (Family::Standard, Some(VECTOR_ID)));
}

#[test]
fn the_fsm_family_is_hex_over_timestamp_and_body() {
    let room = room();
    let headers = room.signed_fsm();
    assert_eq!(headers["x-fsm-timestamp"], "2021-02-25T15:02:10.000Z");
    // openssl dgst -sha256 -mac HMAC over `2021-02-25T15:02:10.000Z.{"test": 2432232314}`.
    let expected = secret_of_vector().code(&Signed::stamped(b"2021-02-25T15:02:10.000Z", VECTOR_BODY));
    let expected = expected.expect("shared");
    let expected: String = expected.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(headers["x-fsm-signature"], expected);
    let verified = room.verify(&headers).expect("a good signature");
    assert_eq!((verified.family(), verified.id()), (Family::Fsm, Some(VECTOR_ID)));
}

#[test]
fn f_w1_an_old_signature_under_a_new_timestamp_is_refused() {
    let room = room();
    let (standard, fsm) = (room.signed(), room.signed_fsm());
    room.clock.advance(3_600);
    let now = room.clock.timestamp();
    let moved = with(fsm, "x-fsm-timestamp", &format!("{now:.3}"));
    assert_eq!(room.refusal(&moved), InvalidSignature::BadSignature);
    let moved = with(standard, "webhook-timestamp", &now.as_second().to_string());
    assert_eq!(room.refusal(&moved), InvalidSignature::BadSignature);
}

#[test]
fn f_w2_an_unreadable_timestamp_never_skips_the_window() {
    let room = room();
    for bad in ["garbage", "", "NaN", "1614265330", "-9223372036854775808"] {
        let headers = with(room.signed_fsm(), "x-fsm-timestamp", bad);
        assert_eq!(room.refusal(&headers), InvalidSignature::BadTimestamp, "{bad:?}");
    }
    let missing = without(room.signed_fsm(), &["x-fsm-timestamp"]);
    assert_eq!(room.refusal(&missing), InvalidSignature::MissingHeader);
}

#[test]
fn the_smallest_timestamp_is_refused_even_when_signed() {
    let room = room();
    let stamp = i64::MIN.to_string();
    let signed = Signed::standard(VECTOR_ID.as_bytes(), stamp.as_bytes(), VECTOR_BODY);
    let code = secret_of_vector().code(&signed).expect("shared");
    let signature = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, code);
    let headers = with(room.signed(), "webhook-timestamp", &stamp);
    let headers = with(headers, "webhook-signature", &format!("v1,{signature}"));
    assert_eq!(room.refusal(&headers), InvalidSignature::BadTimestamp);
}

#[test]
fn f_w3_a_malformed_signature_is_a_refusal_and_no_panic() {
    let room = room();
    let truncated = VECTOR_SIGNATURE.trim_end_matches("OE=");
    let versioned = VECTOR_SIGNATURE.replace("v1,", "v2,");
    for bad in ["", "v1,", "v1", ",", "v1,AAAA", "v1,é", truncated, versioned.as_str(), "v1,====", "a b c"] {
        let headers = with(room.signed(), "webhook-signature", bad);
        assert_eq!(room.refusal(&headers), InvalidSignature::BadSignature, "{bad:?}");
    }
    for bad in ["", "zz", "é", &"0".repeat(63), &"0".repeat(64), &"0".repeat(66), &"é".repeat(32)] {
        let headers = with(room.signed_fsm(), "x-fsm-signature", bad);
        assert_eq!(room.refusal(&headers), InvalidSignature::BadSignature, "{bad:?}");
    }
}

#[test]
fn f_w4_no_family_is_accepted_without_its_timestamp() {
    let room = room();
    for missing in ["webhook-id", "webhook-timestamp"] {
        assert_eq!(room.refusal(&without(room.signed(), &[missing])), InvalidSignature::MissingHeader, "{missing}");
    }
    assert_eq!(room.refusal(&HeaderMap::new()), InvalidSignature::MissingHeader);
}

#[test]
fn a_header_that_is_there_twice_is_refused() {
    let room = room();
    for (signed, names) in [
        (room.signed(), ["webhook-id", "webhook-timestamp", "webhook-signature"]),
        (room.signed_fsm(), ["x-fsm-event-id", "x-fsm-timestamp", "x-fsm-signature"]),
    ] {
        for name in names {
            let mut headers = signed.clone();
            let value = headers[name].clone();
            headers.append(name, value);
            assert_eq!(room.refusal(&headers), InvalidSignature::DuplicateHeader, "{name}");
        }
    }
}

#[test]
fn the_window_closes_after_three_hundred_seconds_both_ways() {
    for (moved, expected) in
        [(300, None), (301, Some(InvalidSignature::TooOld)), (-300, None), (-301, Some(InvalidSignature::TooNew))]
    {
        for family in [Room::signed, Room::signed_fsm] {
            let room = room();
            let headers = family(&room);
            room.clock.advance(moved);
            assert_eq!(room.verify(&headers).err(), expected, "{moved}");
        }
    }
}

#[test]
fn f_w5_a_message_is_accepted_once() {
    let room = room();
    let headers = room.signed();
    let verified = room.verify(&headers).expect("new");
    assert_eq!(room.refusal(&headers), InvalidSignature::Replay);
    room.clock.advance(10);
    assert_eq!(room.refusal(&room.signed()), InvalidSignature::Replay, "the id, whatever the attempt");
    room.verifier.forget(&verified);
    assert!(room.verify(&room.signed()).is_ok(), "a message that could not be handled may come again");
}

#[test]
fn the_signature_alone_can_be_verified_again_and_again() {
    let room = room();
    for _ in 0..2 {
        let verified = room.verifier.verify_signature(&room.signed(), VECTOR_BODY).expect("signed");
        assert_eq!(verified.id(), Some(VECTOR_ID));
    }
    assert!(room.verifier.replay_guard().is_empty());
    let refused = room.verifier.verify_signature(&room.signed(), b"{}").err();
    assert_eq!(refused, Some(InvalidSignature::BadSignature));
}

#[test]
fn by_attempt_a_redelivery_passes_and_the_same_attempt_does_not() {
    let room = room();
    let config = VerifyConfig { replay: ReplayScope::Attempt, ..VerifyConfig::default() };
    let verifier = WebhookVerifier::with_config(room.secrets.clone(), &config);
    let first = room.signed();
    assert!(verifier.verify(&first, VECTOR_BODY).is_ok());
    assert_eq!(verifier.verify(&first, VECTOR_BODY).err(), Some(InvalidSignature::Replay));
    room.clock.advance(5);
    let second = room.signed();
    assert!(verifier.verify(&second, VECTOR_BODY).is_ok());
    let stripped = without(second, &["webhook-id", "webhook-timestamp", "webhook-signature"]);
    assert_eq!(verifier.verify(&stripped, VECTOR_BODY).err(), Some(InvalidSignature::Replay));
}

#[test]
fn stripping_the_standard_headers_does_not_let_a_message_in_again() {
    let room = room();
    let headers = room.signed();
    room.verify(&headers).expect("new");
    let stripped = without(headers, &["webhook-id", "webhook-timestamp", "webhook-signature"]);
    assert_eq!(room.refusal(&stripped), InvalidSignature::Replay);
    let renamed = with(stripped, "x-fsm-event-id", "another");
    assert_eq!(room.refusal(&renamed), InvalidSignature::Replay, "the unsigned id does not help");
}

#[test]
fn a_legacy_signature_passes_only_where_it_is_switched_on() {
    let room = room();
    let mut headers = HeaderMap::new();
    room.signer.clone().legacy_payload_only().sign(&id(), VECTOR_BODY).apply(&mut headers);
    let legacy = without(headers, &["webhook-id", "webhook-timestamp", "webhook-signature", "x-fsm-timestamp"]);
    assert_eq!(room.refusal(&legacy), InvalidSignature::MissingHeader);
    let config = VerifyConfig { legacy_payload_only: true, ..VerifyConfig::default() };
    let verifier = WebhookVerifier::with_config(room.secrets.clone(), &config);
    assert!(verifier.verify(&legacy, VECTOR_BODY).is_ok());
    assert!(verifier.verify(&legacy, b"{}").is_err());
}

proptest! {
    #[test]
    fn no_header_bytes_panic_the_verifier(
        values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 6),
        present in any::<[bool; 6]>(),
        body in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let names = [
            "webhook-id", "webhook-timestamp", "webhook-signature", "x-fsm-event-id", "x-fsm-timestamp", "x-fsm-signature",
        ];
        let mut headers = HeaderMap::new();
        for ((name, bytes), present) in names.into_iter().zip(&values).zip(present) {
            if let (true, Ok(value)) = (present, HeaderValue::from_bytes(bytes)) {
                headers.insert(name, value);
            }
        }
        prop_assert!(room().verifier.verify(&headers, &body).is_err());
    }

    #[test]
    fn what_is_signed_verifies_and_one_changed_byte_does_not(
        body in proptest::collection::vec(any::<u8>(), 1..200),
        at in 0_usize..200,
        fsm in any::<bool>(),
    ) {
        let room = room();
        let mut headers = HeaderMap::new();
        room.signer.sign(&id(), &body).apply(&mut headers);
        if fsm {
            headers = without(headers, &["webhook-id", "webhook-timestamp", "webhook-signature"]);
        }
        let mut forged = body.clone();
        forged[at % body.len()] ^= 1;
        prop_assert_eq!(room.verifier.verify(&headers, &forged).err(), Some(InvalidSignature::BadSignature));
        prop_assert!(room.verifier.verify(&headers, &body).is_ok());
    }
}

#[test]
fn f_w8_every_2xx_is_a_success() {
    for status in 200..300 {
        assert_eq!(ErrorKind::of_partner_status(status), None, "{status}");
    }
    assert!(ErrorKind::of_partner_status(302).is_some());
}

#[test]
fn a_signer_of_one_family_sends_no_other() {
    let room = room();
    for (family, names) in [
        (Family::Standard, ["webhook-id", "webhook-timestamp", "webhook-signature"].as_slice()),
        (Family::Fsm, ["webhook-id", "x-fsm-event-id", "x-fsm-timestamp", "x-fsm-signature"].as_slice()),
    ] {
        let mut headers = HeaderMap::new();
        room.signer.clone().only(family).sign(&id(), VECTOR_BODY).apply(&mut headers);
        assert_eq!(headers.len(), names.len(), "{headers:?}");
        let both = room.signed();
        assert!(names.iter().all(|name| headers[*name] == both[*name]), "{headers:?}");
        let verified = WebhookVerifier::new(room.secrets.clone()).verify(&headers, VECTOR_BODY).expect("signed");
        assert_eq!(verified.family(), family);
    }
}

/// CVE-2024-21491: svix before 1.17 compared as much as was sent, so that `v1,` was a signature of everything.
#[test]
fn a_signature_cut_off_anywhere_is_refused() {
    let room = room();
    let headers = room.signed();
    let signature = headers["webhook-signature"].to_str().expect("ASCII").to_owned();
    for length in 0..signature.len() {
        let cut = with(headers.clone(), "webhook-signature", &signature[..length]);
        assert_eq!(room.refusal(&cut), InvalidSignature::BadSignature, "{length}");
    }
    let hex = headers["x-fsm-signature"].to_str().expect("ASCII").to_owned();
    for length in 0..hex.len() {
        let cut = with(room.signed_fsm(), "x-fsm-signature", &hex[..length]);
        assert_eq!(room.refusal(&cut), InvalidSignature::BadSignature, "{length}");
    }
    assert!(room.verify(&headers).is_ok());
}

/// The FSM signature does not cover the id: a heartbeat with the same body in the same millisecond is no replay.
#[test]
fn two_messages_that_share_their_fsm_signature_both_pass() {
    let room = room();
    let mut other = HeaderMap::new();
    room.signer.sign(&WebhookId::new("msg_other").expect("an id"), VECTOR_BODY).apply(&mut other);
    assert!(room.verify(&room.signed()).is_ok());
    assert!(room.verify(&other).is_ok());
    assert_eq!(room.refusal(&other), InvalidSignature::Replay);
    assert_eq!(room.refusal(&room.signed_fsm()), InvalidSignature::Replay);
}

#[test]
fn a_message_that_came_with_one_family_does_not_come_again_with_both() {
    let room = room();
    assert!(room.verify(&room.signed_fsm()).is_ok());
    assert_eq!(room.refusal(&room.signed()), InvalidSignature::Replay);
}

/// Twice, they could be remembered by neither value, and each let the message in again.
#[test]
fn an_fsm_signature_that_is_there_twice_beside_the_standard_one_is_refused() {
    let room = room();
    let mut headers = room.signed();
    headers.append("x-fsm-signature", headers["x-fsm-signature"].clone());
    assert_eq!(room.refusal(&headers), InvalidSignature::DuplicateHeader);
}

#[test]
fn a_config_is_read_from_a_file_and_mistakes_in_it_are_told() {
    let config: VerifyConfig = serde_json::from_str(r#"{"tolerance": "1m", "replay": "attempt"}"#).expect("a config");
    let expected = VerifyConfig {
        tolerance: std::time::Duration::from_secs(60),
        replay: ReplayScope::Attempt,
        ..VerifyConfig::default()
    };
    assert_eq!(config, expected);
    let text = serde_json::to_string(&VerifyConfig::default()).expect("JSON");
    assert_eq!(serde_json::from_str::<VerifyConfig>(&text).expect("its own text"), VerifyConfig::default());
    assert!(serde_json::from_str::<VerifyConfig>(r#"{"tollerance": "1m"}"#).is_err());
}

/// `a.b.c` could be read as an id `a.b` and a body `c`, or as another message: the timestamp in the id, the rest in the body.
#[test]
fn an_id_that_splits_the_signed_bytes_in_two_ways_is_refused_although_signed() {
    let room = room();
    let stamp = VECTOR_SECOND.to_string();
    for (id, accepted) in [("evt", true), ("", false), (".", false), ("evt.1614265330", false), ("evt.", false)] {
        let signed = Signed::standard(id.as_bytes(), stamp.as_bytes(), VECTOR_BODY);
        let code = secret_of_vector().code(&signed).expect("shared");
        let signature = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, code);
        let headers = with(room.signed(), "webhook-signature", &format!("v1,{signature}"));
        let headers = with(without(headers, &["x-fsm-signature"]), "webhook-id", id);
        assert_eq!(room.verify(&headers).err(), (!accepted).then_some(InvalidSignature::BadSignature), "{id:?}");
    }
}

/// Whoever controls the first delivery can split a message; where one family is accepted there is nothing to split.
#[test]
fn one_family_an_endpoint_accepts_a_message_once_however_it_is_split() {
    let first_standard = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let first_fsm = ["x-fsm-event-id", "x-fsm-timestamp", "x-fsm-signature"];
    for (families, expected) in [(Families::Both, 2), (Families::Standard, 1), (Families::Fsm, 1)] {
        let room = room();
        let config = VerifyConfig { families, ..VerifyConfig::default() };
        let verifier = WebhookVerifier::with_config(room.secrets.clone(), &config);
        let split = [without(room.signed(), &first_standard), without(room.signed(), &first_fsm), room.signed()];
        let accepted = split.iter().filter(|headers| verifier.verify(headers, VECTOR_BODY).is_ok()).count();
        assert_eq!(accepted, expected, "{families:?}");
    }
}

#[test]
fn the_headers_of_a_family_that_is_not_accepted_are_as_good_as_not_there() {
    for (families, family) in [(Families::Standard, Family::Standard), (Families::Fsm, Family::Fsm)] {
        let room = room();
        let config = serde_json::json!({ "families": families });
        let config: VerifyConfig = serde_json::from_value(config).expect("a config");
        let verifier = WebhookVerifier::with_config(room.secrets.clone(), &config);
        let mut other = HeaderMap::new();
        let others = if family == Family::Fsm { Family::Standard } else { Family::Fsm };
        room.signer.clone().only(others).sign(&id(), VECTOR_BODY).apply(&mut other);
        assert_eq!(verifier.verify(&other, VECTOR_BODY).err(), Some(InvalidSignature::MissingHeader));

        let mut headers = room.signed();
        let ignored = if family == Family::Fsm { "webhook-signature" } else { "x-fsm-signature" };
        headers.append(ignored, HeaderValue::from_static("garbage"));
        assert_eq!(verifier.verify(&headers, VECTOR_BODY).map(|verified| verified.family()), Ok(family));
        assert_eq!(verifier.replay_guard().len(), 1, "there is no twin to remember");
    }
}

/// A message with both families leaves two marks; the first must not be pushed out by the second.
#[test]
fn the_smallest_memory_holds_the_message_that_came_last() {
    for remembered in [0, 1] {
        let room = room();
        let config = VerifyConfig { remembered, ..VerifyConfig::default() };
        let verifier = WebhookVerifier::with_config(room.secrets.clone(), &config);
        verifier.verify(&room.signed(), VECTOR_BODY).expect("new");
        for again in [room.signed(), room.signed_fsm()] {
            assert_eq!(verifier.verify(&again, VECTOR_BODY).err(), Some(InvalidSignature::Replay), "{remembered}");
        }
        let standard = without(room.signed(), &["x-fsm-signature"]);
        assert_eq!(verifier.verify(&standard, VECTOR_BODY).err(), Some(InvalidSignature::Replay), "{remembered}");
    }
}

#[test]
fn as_many_messages_with_both_families_are_remembered_as_configured() {
    let room = room();
    let config = VerifyConfig { remembered: 3, ..VerifyConfig::default() };
    let verifier = WebhookVerifier::with_config(room.secrets.clone(), &config);
    let messages: Vec<_> = (0..3_u8)
        .map(|number| {
            let (mut headers, id) = (HeaderMap::new(), format!("msg_{number}"));
            room.signer.sign(&WebhookId::new(id).expect("an id"), &[number]).apply(&mut headers);
            (headers, [number])
        })
        .collect();
    assert!(messages.iter().all(|(headers, body)| verifier.verify(headers, body).is_ok()));
    for (headers, body) in &messages {
        assert_eq!(verifier.verify(headers, body).err(), Some(InvalidSignature::Replay), "{body:?}");
    }
}
