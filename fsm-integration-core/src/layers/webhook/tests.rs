use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::*;
use crate::{
    clock::{Sleep, WallClock},
    error::{ErrorKind, InvalidSignature},
};

const VECTOR_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const VECTOR_ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const VECTOR_SECOND: i64 = 1_614_265_330;
const VECTOR_BODY: &[u8] = br#"{"test": 2432232314}"#;
const VECTOR_SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

/// A wall clock that stands where a test puts it.
#[derive(Debug, Clone)]
struct Hands(Arc<parking_lot::Mutex<Timestamp>>);

impl Hands {
    fn at(second: i64) -> Self {
        Self(Arc::new(parking_lot::Mutex::new(Timestamp::from_second(second).expect("in range"))))
    }

    fn advance(&self, seconds: i64) {
        *self.0.lock() += SignedDuration::from_secs(seconds);
    }
}

impl WallClock for Hands {
    fn timestamp(&self) -> Timestamp {
        *self.0.lock()
    }

    fn sleep_until(&self, _: Timestamp) -> Sleep {
        Box::pin(std::future::pending())
    }
}

struct Room {
    clock: Hands,
    secrets: WebhookSecrets,
    signer: WebhookSigner,
    verifier: WebhookVerifier,
}

fn room() -> Room {
    let clock = Hands::at(VECTOR_SECOND);
    let secrets = WebhookSecrets::new(VECTOR_SECRET.parse().expect("the vector"), Arc::new(clock.clone()));
    let signer = WebhookSigner::new(secrets.clone());
    let verifier = WebhookVerifier::new(secrets.clone());
    Room { clock, secrets, signer, verifier }
}

fn secret(byte: u8) -> WebhookSecret {
    WebhookSecret::from_bytes(vec![byte; 32]).expect("long enough")
}

fn id() -> WebhookId {
    WebhookId::new(VECTOR_ID).expect("the vector")
}

impl Room {
    fn signed(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        self.signer.sign(&id(), VECTOR_BODY).apply(&mut headers);
        headers
    }

    fn signed_fsm(&self) -> HeaderMap {
        without(self.signed(), &["webhook-id", "webhook-timestamp", "webhook-signature"])
    }

    fn verify(&self, headers: &HeaderMap) -> Result<Verified, InvalidSignature> {
        self.verifier.verify(headers, VECTOR_BODY)
    }

    fn refusal(&self, headers: &HeaderMap) -> InvalidSignature {
        self.verify(headers).expect_err("a refusal")
    }
}

fn without(mut headers: HeaderMap, names: &[&str]) -> HeaderMap {
    for name in names {
        headers.remove(*name);
    }
    headers
}

fn with(mut headers: HeaderMap, name: &'static str, value: &str) -> HeaderMap {
    headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
    headers
}

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
    let expected = secret_of_vector().code(&[b"2021-02-25T15:02:10.000Z.", VECTOR_BODY]);
    let expected: String = expected.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(headers["x-fsm-signature"], expected);
    let verified = room.verify(&headers).expect("a good signature");
    assert_eq!((verified.family(), verified.id()), (Family::Fsm, Some(VECTOR_ID)));
}

fn secret_of_vector() -> WebhookSecret {
    VECTOR_SECRET.parse().expect("the vector")
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
    let parts: [&[u8]; 5] = [VECTOR_ID.as_bytes(), b".", stamp.as_bytes(), b".", VECTOR_BODY];
    let code = secret_of_vector().code(&parts);
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
fn f_w6_a_rotation_breaks_no_delivery_until_the_overlap_ends() {
    let room = room();
    let old_receiver = WebhookVerifier::new(WebhookSecrets::new(secret_of_vector(), Arc::new(room.clock.clone())));
    let new_receiver = WebhookVerifier::new(WebhookSecrets::new(secret(9), Arc::new(room.clock.clone())));
    let in_flight = room.signed();
    room.secrets.rotate(secret(9), Duration::from_secs(24 * 3_600));
    assert!(room.verify(&in_flight).is_ok(), "signed before the rotation");
    let headers = room.signed();
    assert_eq!(headers["webhook-signature"].len(), 2 * 47 + 1);
    assert!(old_receiver.verify(&headers, VECTOR_BODY).is_ok());
    assert!(new_receiver.verify(&headers, VECTOR_BODY).is_ok());
    assert!(new_receiver.verify(&room.signed_fsm(), VECTOR_BODY).is_err(), "a replay of the same message");

    room.clock.advance(24 * 3_600);
    let headers = room.signed();
    assert_eq!(headers["webhook-signature"].len(), 47);
    assert_eq!(old_receiver.verify(&headers, VECTOR_BODY).err(), Some(InvalidSignature::BadSignature));
}

#[test]
fn the_fsm_family_carries_the_newest_secret() {
    let room = room();
    room.secrets.rotate(secret(9), WebhookSecrets::DEFAULT_OVERLAP);
    let new_receiver = WebhookVerifier::new(WebhookSecrets::new(secret(9), Arc::new(room.clock.clone())));
    assert!(new_receiver.verify(&room.signed_fsm(), VECTOR_BODY).is_ok());
}

#[test]
fn more_rotations_than_are_held_drop_the_oldest() {
    let room = room();
    for byte in 1..=10 {
        room.secrets.rotate(secret(byte), WebhookSecrets::DEFAULT_OVERLAP);
    }
    let signatures = room.signed()["webhook-signature"].to_str().expect("ASCII").split(' ').count();
    assert_eq!(signatures, WebhookSecrets::MAX);
    assert!(room.verify(&room.signed()).is_ok());
}

fn recorder() -> (
    impl Service<http::Request<Bytes>, Response = HeaderMap, Error = Infallible>,
    Arc<parking_lot::Mutex<Vec<HeaderMap>>>,
) {
    let seen = Arc::<parking_lot::Mutex<Vec<HeaderMap>>>::default();
    let kept = Arc::clone(&seen);
    let service = service_fn(move |request: http::Request<Bytes>| {
        kept.lock().push(request.headers().clone());
        std::future::ready(Ok(request.headers().clone()))
    });
    (service, seen)
}

fn request() -> http::Request<Bytes> {
    let mut request = http::Request::new(Bytes::from_static(VECTOR_BODY));
    request.extensions_mut().insert(id());
    request
}

#[tokio::test]
async fn f_w7_each_attempt_is_signed_with_its_own_timestamp_and_the_same_id() {
    let room = room();
    let (inner, seen) = recorder();
    let mut service = SignLayer::new(room.signer.clone()).layer(inner);
    let first = service.ready().await.expect("ready").call(request()).await.expect("sent");
    room.clock.advance(60);
    let second = service.ready().await.expect("ready").call(request()).await.expect("sent");
    assert_eq!(seen.lock().len(), 2);
    assert_eq!(first["webhook-id"], second["webhook-id"]);
    assert_ne!(first["webhook-signature"], second["webhook-signature"]);
    assert!(room.verify(&second).is_ok());
}

#[tokio::test]
async fn the_id_is_taken_from_the_header_when_no_extension_is_there() {
    let room = room();
    let (inner, _) = recorder();
    let mut request = http::Request::new(Bytes::new());
    request.headers_mut().insert("webhook-id", HeaderValue::from_static("evt_9"));
    let headers = SignLayer::new(room.signer).layer(inner).oneshot(request).await.expect("sent");
    assert_eq!(headers["x-fsm-event-id"], "evt_9");
    assert_eq!(headers.get_all("webhook-id").iter().count(), 1);
}

#[test]
fn f_w8_every_2xx_is_a_success() {
    for status in 200..300 {
        assert_eq!(ErrorKind::of_partner_status(status), None, "{status}");
    }
    assert!(ErrorKind::of_partner_status(302).is_some());
}

fn answer(status: u16) -> http::Response<Bytes> {
    let mut response = http::Response::new(Bytes::new());
    *response.status_mut() = http::StatusCode::from_u16(status).expect("a status");
    response
}

fn signed_request(room: &Room) -> http::Request<Bytes> {
    let mut request = request();
    *request.headers_mut() = room.signed();
    request
}

#[tokio::test]
async fn a_refusal_is_one_answer_and_the_handler_is_not_called() {
    let room = room();
    let handler = service_fn(|request: http::Request<Bytes>| {
        assert!(request.extensions().get::<Verified>().is_some());
        std::future::ready(Ok::<_, Infallible>(answer(204)))
    });
    let mut service = VerifyLayer::new(room.verifier.clone()).respond_with(|_| answer(401)).layer(handler);
    let good = service.call(signed_request(&room)).await.expect("infallible");
    assert_eq!(good.status(), 204);
    let mut forged = signed_request(&room);
    *forged.body_mut() = Bytes::from_static(b"{}");
    assert_eq!(service.call(forged).await.expect("infallible").status(), 401);
    assert_eq!(service.call(request()).await.expect("infallible").status(), 401);
}

#[tokio::test]
async fn a_message_whose_handling_failed_is_let_in_again() {
    let room = room();
    let statuses = Arc::new(parking_lot::Mutex::new(vec![202, 503]));
    let handler = service_fn(move |_: http::Request<Bytes>| {
        let status = statuses.lock().pop().expect("two calls");
        std::future::ready(Ok::<_, crate::error::Error>(answer(status)))
    });
    let mut service = VerifyLayer::new(room.verifier.clone()).layer(handler);
    assert_eq!(service.call(signed_request(&room)).await.expect("handled").status(), 503);
    assert_eq!(service.call(signed_request(&room)).await.expect("handled").status(), 202);
    let replay = service.call(signed_request(&room)).await.expect_err("a replay");
    assert_eq!(replay.kind(), ErrorKind::Unauthorized);
}

#[tokio::test]
async fn a_dropped_handler_forgets_its_message() {
    let room = room();
    let handler = service_fn(|_: http::Request<Bytes>| {
        std::future::pending::<Result<http::Response<Bytes>, crate::error::Error>>()
    });
    let mut service = VerifyLayer::new(room.verifier.clone()).layer(handler);
    drop(service.call(signed_request(&room)));
    assert!(room.verify(&room.signed()).is_ok());
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

#[cfg(feature = "testing")]
#[tokio::test(start_paused = true)]
async fn the_sign_layer_passes_the_probe() {
    let layer = SignLayer::new(room().signer);
    crate::testing::probe::layer(|inner| layer.layer(inner)).await;
}
