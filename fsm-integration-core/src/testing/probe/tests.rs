use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use tower::layer::{Layer, util::Identity};

use super::*;

#[tokio::test]
async fn a_layer_that_does_nothing_passes() {
    layer(|inner| Identity::new().layer(inner)).await;
    layer_boxed(|inner| Identity::new().layer(inner)).await;
}

/// A layer with one fault, chosen by the test.
#[derive(Clone)]
struct Faulty {
    inner: Inner,
    fault: Fault,
    held: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    CallsAnUnreadiedClone,
    IsAlwaysReady,
    Leaks,
    Detaches,
}

impl Service<Request> for Faulty {
    type Response = Response;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Failure>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let inner = self.inner.poll_ready(cx);
        if self.fault == Fault::IsAlwaysReady { Poll::Ready(Ok(())) } else { inner }
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match self.fault {
            Fault::CallsAnUnreadiedClone => {
                let mut inner = self.inner.clone();
                Box::pin(async move { inner.call(request).await })
            }
            Fault::Leaks => {
                self.held.fetch_add(1, Relaxed);
                Box::pin(self.inner.call(request))
            }
            Fault::IsAlwaysReady => Box::pin(self.inner.call(request)),
            Fault::Detaches => {
                let call = tokio::spawn(self.inner.call(request));
                Box::pin(async move { call.await.expect("the task ends") })
            }
        }
    }
}

async fn probe(fault: Fault) {
    let held = Arc::new(AtomicUsize::new(0));
    let probe = Probe { held: &|| held.load(Relaxed), ..Probe::default() };
    probe.layer(|inner| Faulty { inner, fault, held: Arc::clone(&held) }).await;
}

#[tokio::test]
#[should_panic(expected = "called without having been polled ready")]
async fn calling_an_unreadied_clone_is_found() {
    probe(Fault::CallsAnUnreadiedClone).await;
}

#[tokio::test]
#[should_panic(expected = "ready although its inner service is not")]
async fn readiness_of_its_own_is_found() {
    probe(Fault::IsAlwaysReady).await;
}

#[tokio::test]
#[should_panic(expected = "keeps what it held")]
async fn a_leak_is_found() {
    probe(Fault::Leaks).await;
}

#[tokio::test]
#[should_panic(expected = "goes on after its future was dropped")]
async fn a_call_that_outlives_its_future_is_found() {
    probe(Fault::Detaches).await;
}

/// A layer that passes, and a handle of it that counts so many panics.
async fn probe_panics(recorded: &dyn Fn() -> usize) {
    let probe = Probe { panics: Some(recorded), ..Probe::default() };
    probe.layer(|inner| Identity::new().layer(inner)).await;
}

#[tokio::test]
#[should_panic(expected = "a panic of the inner service's future is not recorded")]
async fn a_panic_that_nobody_records_is_found() {
    probe_panics(&|| 0).await;
}

#[tokio::test]
#[should_panic(expected = "a panic of the inner service's `call` is not recorded")]
async fn a_panic_that_is_recorded_only_in_the_future_is_found() {
    let looks = AtomicUsize::new(0);
    probe_panics(&|| looks.fetch_add(1, Relaxed).min(1)).await;
}
