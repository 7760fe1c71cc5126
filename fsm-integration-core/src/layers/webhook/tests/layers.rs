use std::convert::Infallible;

use bytes::Bytes;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::*;
use crate::error::{Error, ErrorKind};

fn recorder() -> (
    impl Service<http::Request<Bytes>, Response = HeaderMap, Error = Error, Future: Send> + Clone,
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

pub(super) fn answer(status: u16) -> http::Response<Bytes> {
    let mut response = http::Response::new(Bytes::new());
    *response.status_mut() = http::StatusCode::from_u16(status).expect("a status");
    response
}

pub(super) fn signed_request(room: &Room) -> http::Request<Bytes> {
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
        std::future::ready(Ok::<_, Error>(answer(status)))
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
    let handler = service_fn(|_: http::Request<Bytes>| std::future::pending::<Result<http::Response<Bytes>, Error>>());
    let mut service = VerifyLayer::new(room.verifier.clone()).layer(handler);
    drop(service.call(signed_request(&room)));
    assert!(room.verify(&room.signed()).is_ok());
}

#[tokio::test]
async fn w19_a_body_beyond_a_megabyte_is_not_sent_and_a_large_one_is_told_of() {
    let (room, told) = (room(), Told::default());
    let (inner, seen) = recorder();
    let layer = SignLayer::new(room.signer.clone()).with_name("sales").with_observers(told.observers());
    let service = layer.layer(inner);
    let send = async |bytes| service.clone().oneshot(http::Request::new(Bytes::from(vec![b'x'; bytes]))).await;
    let large = |bytes, refused| [("sales".to_owned(), crate::observe::Observation::WebhookLarge { bytes, refused })];
    assert!(send(100_000).await.is_ok());
    assert_eq!((seen.lock().len(), told.take()), (1, Vec::new()));
    assert!(send(100_001).await.is_ok() && send(1_000_000).await.is_ok());
    assert_eq!((seen.lock().len(), told.take()), (3, [large(100_001, false), large(1_000_000, false)].concat()));
    let refusal = send(1_000_001).await.expect_err("too large");
    assert_eq!(refusal.kind(), ErrorKind::PayloadTooLarge);
    assert_eq!((seen.lock().len(), told.take()), (3, large(1_000_001, true).to_vec()));

    let config = SignConfig { max_body: 1, warn_above: 2 };
    let (inner, _) = recorder();
    let strict = SignLayer::with_config(room.signer.clone(), config).layer(inner);
    assert!(strict.oneshot(http::Request::new(Bytes::from_static(b"xx"))).await.is_err(), "below what is warned of");
}

#[cfg(feature = "testing")]
#[tokio::test(start_paused = true)]
async fn the_sign_layer_passes_the_probe() {
    let layer = SignLayer::new(room().signer);
    crate::testing::probe::layer(|inner| layer.layer(inner)).await;
    crate::testing::probe::layer_boxed(|inner| layer.layer(inner)).await;
}

#[cfg(feature = "testing")]
#[tokio::test(start_paused = true)]
async fn the_verify_layer_passes_the_probe() {
    let room = room();
    let serial = std::sync::atomic::AtomicU32::new(0);
    let request = || {
        let id = WebhookId::new(format!("msg_{}", serial.fetch_add(1, std::sync::atomic::Ordering::Relaxed)));
        let mut request = http::Request::new(Bytes::from_static(VECTOR_BODY));
        room.signer.sign(&id.expect("an id"), VECTOR_BODY).apply(request.headers_mut());
        request
    };
    let held = || 0;
    let probe = crate::testing::probe::Probe { request: &request, held: &held, ..Default::default() };
    let layer = VerifyLayer::new(room.verifier.clone());
    probe.layer(|inner| layer.layer(inner)).await;
    // What every caller gets when its error is a box, and with a body that has to be read first.
    probe.layer_boxed(|inner| boxed(&layer).layer(inner)).await;
}

#[cfg(feature = "testing")]
fn boxed(layer: &VerifyLayer) -> VerifyLayer<Buffered<ReadAll>> {
    layer.clone().buffered(1024, read_all as ReadAll)
}

type ReadAll = fn(Bytes, usize) -> std::future::Ready<Result<Bytes, Infallible>>;

fn read_all(body: Bytes, _: usize) -> std::future::Ready<Result<Bytes, Infallible>> {
    std::future::ready(Ok(body))
}

#[test]
fn any_request_with_a_body_of_bytes_can_be_signed() {
    fn headers_of<B: AsRef<[u8]>>(room: &Room, body: B) -> HeaderMap {
        let inner = service_fn(|request: http::Request<B>| std::future::ready(Ok::<_, Error>(request.into_parts().0)));
        let mut request = http::Request::new(body);
        request.extensions_mut().insert(id());
        let mut service = SignLayer::new(room.signer.clone()).layer(inner);
        let parts = futures_util::FutureExt::now_or_never(service.call(request)).expect("at once").expect("sent");
        parts.headers
    }
    let room = room();
    let expected = room.signed();
    assert_eq!(headers_of(&room, Bytes::from_static(VECTOR_BODY)), expected);
    assert_eq!(headers_of(&room, VECTOR_BODY), expected);
    assert_eq!(headers_of(&room, std::str::from_utf8(VECTOR_BODY).expect("text")), expected);
}

/// A body that comes in pieces, as a server's does.
#[derive(Debug)]
struct Pieces(Vec<Bytes>);

impl From<Bytes> for Pieces {
    fn from(whole: Bytes) -> Self {
        Self(vec![whole])
    }
}

async fn whole(body: Pieces, limit: usize) -> Result<Bytes, &'static str> {
    let mut whole = Vec::new();
    for piece in body.0 {
        tokio::task::yield_now().await;
        if piece.is_empty() || whole.len() + piece.len() > limit {
            return Err("broken off, or too long");
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.into())
}

fn in_pieces(room: &Room) -> http::Request<Pieces> {
    let pieces = VECTOR_BODY.chunks(7).map(Bytes::from_static).collect();
    signed_request(room).map(|_| Pieces(pieces))
}

/// Requirement W2.
#[tokio::test]
async fn the_raw_bytes_are_verified_and_handed_on() {
    let room = room();
    let handler = service_fn(async |request: http::Request<Pieces>| {
        assert_eq!(request.body().0.concat(), VECTOR_BODY);
        Ok::<_, Infallible>(answer(204))
    });
    let reading = |limit| VerifyLayer::new(room.verifier.clone()).buffered(limit, whole).respond_with(|_| answer(401));
    let mut service = reading(VECTOR_BODY.len()).layer(handler);
    assert_eq!(service.call(in_pieces(&room)).await.expect("infallible").status(), 204);

    let mut strict = reading(VECTOR_BODY.len() - 1).layer(handler);
    room.clock.advance(1_000);
    assert_eq!(strict.call(in_pieces(&room)).await.expect("infallible").status(), 401, "too long");
    let mut broken = in_pieces(&room);
    broken.body_mut().0.insert(1, Bytes::new());
    assert_eq!(service.call(broken).await.expect("infallible").status(), 401, "broken off");
}

#[tokio::test]
async fn headers_that_cannot_pass_are_refused_before_the_body_is_read() {
    let room = room();
    let read = |_: Pieces, _: usize| -> std::future::Ready<Result<Bytes, Infallible>> { panic!("the body was read") };
    let handler = service_fn(async |_: http::Request<Pieces>| Ok::<_, Infallible>(answer(204)));
    let mut service =
        VerifyLayer::new(room.verifier.clone()).buffered(1024, read).respond_with(|_| answer(401)).layer(handler);
    for (name, value) in [("webhook-timestamp", "garbage"), ("webhook-timestamp", "1"), ("x-fsm-signature", "twice")] {
        let mut request = in_pieces(&room);
        if value == "twice" {
            request.headers_mut().append(name, HeaderValue::from_static("twice"));
        } else {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        assert_eq!(service.call(request).await.expect("infallible").status(), 401, "{name}: {value}");
    }
    assert_eq!(service.call(http::Request::new(Pieces(Vec::new()))).await.expect("infallible").status(), 401);
}

/// One body for every reason, and each of the seven told by its own word.
#[tokio::test]
async fn every_reason_is_told_to_observers_and_none_to_the_caller() {
    let told = Told::default();
    let room = room();
    let verifier = room.verifier.clone().with_name("pyxis").with_observers(told.observers());
    let handler = service_fn(async |_: http::Request<Bytes>| Ok::<_, Error>(answer(204)));
    let mut service = VerifyLayer::new(verifier).layer(handler);
    service.call(signed_request(&room)).await.expect("verified");
    assert_eq!(told.take(), [], "what passes is told to nobody");

    let altered = |alter: &dyn Fn(&mut http::Request<Bytes>)| {
        let mut request = signed_request(&room);
        alter(&mut request);
        request
    };
    let set = |name: &'static str, value: &'static str| {
        altered(&|request| drop(request.headers_mut().insert(name, HeaderValue::from_static(value))))
    };
    let cases = [
        ("missing_header", altered(&|request| drop(request.headers_mut().remove("webhook-id")))),
        (
            "duplicate_header",
            altered(&|request| assert!(request.headers_mut().append("webhook-id", HeaderValue::from_static("a")))),
        ),
        ("bad_timestamp", set("webhook-timestamp", "soon")),
        ("too_old", set("webhook-timestamp", "1614265029")),
        ("too_new", set("webhook-timestamp", "1614265631")),
        ("bad_signature", altered(&|request| *request.body_mut() = Bytes::from_static(b"{}"))),
        ("replay", signed_request(&room)),
    ];
    for (reason, request) in cases {
        let error = service.call(request).await.expect_err(reason);
        assert_eq!((error.kind(), error.message()), (ErrorKind::Unauthorized, "the webhook signature is not valid"));
        let expected = [("pyxis".to_owned(), crate::observe::Observation::WebhookRefused { reason })];
        assert_eq!(told.take(), expected);
    }
}
