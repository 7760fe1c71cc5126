use super::*;

fn request(client: Option<&'static str>, body: &'static str) -> http::Request<Bytes> {
    let mut request = http::Request::new(Bytes::from_static(body.as_bytes()));
    if let Some(client) = client {
        request.headers_mut().insert("idempotency-key", http::HeaderValue::from_static(client));
    }
    request
}

fn key_of(request: &http::Request<Bytes>) -> Result<Option<(IdempotencyKey, Fingerprint)>, InvalidIdempotencyKey> {
    let Some(client) = client_key(request.headers())? else { return Ok(None) };
    Ok(Some((IdempotencyKey::new("demo", "order.intake", &client)?, Fingerprint::of(request.body()))))
}

fn answers(
    statuses: &'static [u16],
) -> impl Service<
    http::Request<Bytes>,
    Response = http::Response<Bytes>,
    Error = Infallible,
    Future = std::future::Ready<Result<http::Response<Bytes>, Infallible>>,
> + Clone {
    let next = Arc::new(AtomicU32::new(0));
    service_fn(move |request: http::Request<Bytes>| {
        assert_eq!(
            request.extensions().get::<Execution>().is_some(),
            request.headers().contains_key("idempotency-key")
        );
        let index = next.fetch_add(1, Ordering::SeqCst) as usize;
        let response = http::Response::builder()
            .status(statuses[index])
            .header("content-type", "application/json")
            .header("x-request", index)
            .body(Bytes::from(format!("{{\"n\":{index}}}")));
        std::future::ready(Ok(response.expect("a response")))
    })
}

fn conflict(reason: IdempotencyConflict) -> http::Response<Bytes> {
    let status = ErrorKind::from(&reason).status();
    http::Response::builder().status(status).body(Bytes::new()).expect("a response")
}

#[tokio::test(start_paused = true)]
async fn f_i13_the_layer_replays_status_type_and_body() {
    let layer = IdempotencyLayer::new(manager::<StoredResponse>(), key_of).respond_with(conflict);
    let service = layer.layer(answers(&[202, 500]));
    let ask = |client, body| service.clone().oneshot(request(client, body));
    let Ok(first) = ask(Some("1"), "{}").await;
    let Ok(again) = ask(Some("1"), "{}").await;
    let Ok(other) = ask(Some("1"), "{ }").await;
    assert!(first.headers().contains_key("x-request") && !first.headers().contains_key(REPLAYED));
    assert_eq!((again.status(), again.body()), (first.status(), first.body()));
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.headers()["content-type"], "application/json");
    assert_eq!(other.status(), 422);
}

#[tokio::test(start_paused = true)]
async fn a_failed_answer_is_not_replayed_and_a_request_without_key_passes() {
    let layer = IdempotencyLayer::new(manager::<StoredResponse>(), key_of).respond_with(conflict);
    let service = layer.layer(answers(&[503, 201, 200, 200]));
    let mut statuses = Vec::new();
    for client in [Some("1"), Some("1"), Some("1"), None, None] {
        let Ok(answer) = service.clone().oneshot(request(client, "")).await;
        statuses.push((answer.status().as_u16(), answer.headers().contains_key(REPLAYED)));
    }
    assert_eq!(statuses, [(503, false), (201, false), (201, true), (200, false), (200, false)]);
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_key_cannot_be_used_is_refused_and_not_done_unprotected() {
    let told = crate::observe::Told::default();
    let manager = manager::<StoredResponse>().with_observers(told.observers());
    let layer = IdempotencyLayer::new(manager, key_of);
    let calls = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&calls);
    let inner = service_fn(move |_: http::Request<Bytes>| {
        count.fetch_add(1, Ordering::SeqCst);
        async { Ok::<_, Error>(http::Response::new(Bytes::new())) }
    });
    let service = layer.layer(inner);
    let mut two = request(Some("1"), "");
    two.headers_mut().insert("x-idempotency-key", http::HeaderValue::from_static("2"));
    let mut accented = request(None, "");
    let value = http::HeaderValue::from_bytes("clé".as_bytes()).expect("a value");
    accented.headers_mut().insert("idempotency-key", value);
    for refused in [two, accented, request(Some(""), "")] {
        let error = service.clone().oneshot(refused).await.expect_err("no key");
        assert_eq!((error.kind(), error.kind().status()), (ErrorKind::MalformedRequest, 400));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    let refused = crate::observe::Observation::IdempotencyRefused { reason: "invalid_key" };
    assert!(told.take().iter().all(|(_, told)| *told == refused));
}

#[cfg(feature = "testing")]
#[tokio::test(start_paused = true)]
async fn the_layer_passes_the_probe_with_and_without_keys() {
    use crate::testing::probe;
    let without = IdempotencyLayer::new(manager::<StoredResponse>(), |_: &http::Request<Bytes>| Ok(None));
    probe::layer(|inner| without.layer(inner)).await;
    probe::layer_boxed(|inner| without.layer(inner)).await;
    let calls = Arc::new(AtomicU32::new(0));
    let keyed = IdempotencyLayer::new(manager::<StoredResponse>(), move |_: &http::Request<Bytes>| {
        Ok(Some((key(&calls.fetch_add(1, Ordering::SeqCst).to_string()), A)))
    });
    probe::layer(|inner| keyed.layer(inner)).await;
    probe::layer_boxed(|inner| keyed.layer(inner)).await;
}

/// A request and an answer of a user's own.
struct Order(&'static str);

#[derive(Debug, Clone, PartialEq)]
enum Receipt {
    Accepted(u32),
    OutOfStock,
    Busy,
}

impl CarryExecution for Order {
    fn carry(&mut self, execution: Execution) {
        assert_eq!(execution.key(), &key(self.0));
    }
}

impl Outcome for Receipt {
    fn is_final(&self) -> bool {
        *self != Self::Busy
    }
}

impl Replayable for Receipt {
    type Stored = Self;

    fn to_stored(&self) -> Self {
        self.clone()
    }

    fn from_stored(stored: Self) -> Self {
        stored
    }
}

#[tokio::test(start_paused = true)]
async fn i6_any_request_and_answer_will_do_that_says_what_is_final() {
    let layer = IdempotencyLayer::new(manager(), |order: &Order| Ok(Some((key(order.0), Fingerprint::NONE))));
    let answers = [Receipt::Busy, Receipt::OutOfStock, Receipt::Accepted(2), Receipt::Accepted(3)];
    let calls = Arc::new(AtomicU32::new(0));
    let next = Arc::clone(&calls);
    let inner = service_fn(move |_: Order| {
        let answer = answers[next.fetch_add(1, Ordering::SeqCst) as usize].clone();
        async { Ok::<_, IdempotencyConflict>(answer) }
    });
    let service = layer.layer(inner.clone());
    for expected in [Receipt::Busy, Receipt::OutOfStock, Receipt::OutOfStock] {
        assert_eq!(service.clone().oneshot(Order("1")).await, Ok(expected));
    }
    let service = layer.keep_if(|receipt: &Receipt| matches!(receipt, Receipt::Accepted(3))).layer(inner);
    for expected in [2, 3, 3] {
        assert_eq!(service.clone().oneshot(Order("2")).await, Ok(Receipt::Accepted(expected)));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 4);
}
