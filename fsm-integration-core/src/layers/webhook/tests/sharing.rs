use std::convert::Infallible;

use bytes::Bytes;
use futures_util::FutureExt;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::{
    layers::{answer, signed_request},
    *,
};

/// A store that several processes share.
#[derive(Debug, Clone, Default)]
struct Shared {
    known: Arc<parking_lot::Mutex<std::collections::BTreeSet<String>>>,
    fails: Arc<std::sync::atomic::AtomicBool>,
    /// A permit for each answer, if they are to wait for one.
    answers: Option<Arc<tokio::sync::Semaphore>>,
}

impl Shared {
    fn write(&self, keys: &ReplayKeys) -> bool {
        let mut known = self.known.lock();
        let new = !keys.known_by.iter().any(|key| known.contains(key));
        known.extend(keys.remembered_as.iter().filter(|_| new).cloned());
        new
    }
}

#[async_trait::async_trait]
impl ReplayStore for Shared {
    async fn remember(
        &self,
        verifier: &str,
        keys: &ReplayKeys,
        keep: std::time::Duration,
    ) -> Result<bool, crate::error::BoxError> {
        assert_eq!((verifier, keep.as_secs()), ("webhook", 600));
        tokio::task::yield_now().await;
        if self.fails.load(std::sync::atomic::Ordering::Relaxed) {
            return Err("away".into());
        }
        let new = self.write(keys);
        if let Some(answers) = &self.answers {
            answers.acquire().await?.forget();
        }
        Ok(new)
    }

    async fn forget(&self, _: &str, keys: &ReplayKeys) -> Result<(), crate::error::BoxError> {
        self.known.lock().retain(|key| !keys.remembered_as.contains(key));
        Ok(())
    }
}

async fn outcome(verifier: &WebhookVerifier, store: &Shared, request: http::Request<Bytes>, status: u16) -> u16 {
    let handler = service_fn(move |_: http::Request<Bytes>| std::future::ready(Ok::<_, Infallible>(answer(status))));
    let layer = VerifyLayer::new(verifier.clone()).remember_in(store.clone()).respond_with(|_| answer(401));
    let status = layer.layer(handler).oneshot(request).await.expect("infallible").status();
    tokio::task::yield_now().await;
    status.as_u16()
}

#[tokio::test]
async fn a_message_is_accepted_once_by_all_processes_that_share_a_store() {
    let room = room();
    let (store, other) = (Shared::default(), WebhookVerifier::new(room.secrets.clone()));
    assert_eq!(outcome(&room.verifier, &store, signed_request(&room), 204).await, 204);
    assert_eq!(outcome(&other, &store, signed_request(&room), 204).await, 401);
    assert_eq!(outcome(&other, &store, signed_request(&room), 204).await, 401);
    let known: Vec<_> = store.known.lock().iter().cloned().collect();
    assert_eq!(known.len(), 2);
    assert_eq!(known[0], format!("id:{VECTOR_ID}"));
    assert!(known[1].starts_with("twin:"), "{known:?}");
}

#[tokio::test]
async fn a_message_that_could_not_be_handled_is_forgotten_by_the_store_too() {
    let room = room();
    let store = Shared::default();
    assert_eq!(outcome(&room.verifier, &store, signed_request(&room), 503).await, 503);
    assert_eq!(outcome(&room.verifier, &store, signed_request(&room), 204).await, 204);
}

#[tokio::test]
async fn while_the_store_fails_the_memory_of_the_process_decides() {
    let room = room();
    let store = Shared::default();
    store.fails.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(outcome(&room.verifier, &store, signed_request(&room), 204).await, 204);
    assert_eq!(outcome(&room.verifier, &store, signed_request(&room), 204).await, 401);
}

/// The store is the authority: who lost to another process does not remember the message beyond the store's answer.
#[tokio::test]
async fn a_redelivery_to_who_lost_is_accepted_once_the_store_forgot_the_message() {
    let room = room();
    let (store, other) = (Shared::default(), WebhookVerifier::new(room.secrets.clone()));
    let held = Arc::new(tokio::sync::Notify::new());
    let release = Arc::clone(&held);
    let handler = service_fn(move |_: http::Request<Bytes>| {
        let held = Arc::clone(&held);
        async move {
            held.notified().await;
            Ok::<_, Infallible>(answer(503))
        }
    });
    let layer = VerifyLayer::new(room.verifier.clone()).remember_in(store.clone()).respond_with(|_| answer(401));
    let first = tokio::spawn(layer.layer(handler).oneshot(signed_request(&room)));
    settle().await;
    assert_eq!(outcome(&other, &store, signed_request(&room), 204).await, 401, "the first is being handled");
    assert!(other.replay_guard().is_empty());
    release.notify_one();
    assert_eq!(first.await.expect("no panic").expect("infallible").status(), 503);
    settle().await;
    assert_eq!(outcome(&other, &store, signed_request(&room), 204).await, 204);
    assert_eq!(outcome(&room.verifier, &store, signed_request(&room), 204).await, 401, "handled by the other");
}

/// Lets what was spawned go on until all of it waits.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

/// A caller that gives up while the store is asked leaves no mark of a message that nobody handled.
#[tokio::test]
async fn a_message_dropped_while_the_store_is_asked_is_forgotten_by_the_store() {
    // Before the store writes; after it has written; after its answer, which is not read any more.
    for (before, answered) in [(false, false), (true, false), (true, true)] {
        let room = room();
        let answers = Arc::new(tokio::sync::Semaphore::new(0));
        let store = Shared { answers: Some(Arc::clone(&answers)), ..Shared::default() };
        let handler = service_fn(async |_: http::Request<Bytes>| -> Result<http::Response<Bytes>, Infallible> {
            panic!("the handler was called")
        });
        let layer = VerifyLayer::new(room.verifier.clone()).remember_in(store.clone()).respond_with(|_| answer(401));
        let mut call = Box::pin(layer.layer(handler).call(signed_request(&room)));
        assert!((&mut call).now_or_never().is_none());
        if before && !answered {
            for _ in 0..5 {
                tokio::task::yield_now().await;
                assert!((&mut call).now_or_never().is_none());
            }
            assert_eq!(store.known.lock().len(), 2, "written");
        }
        if answered {
            answers.add_permits(1);
            settle().await;
        }
        drop(call);
        if !answered {
            answers.add_permits(1);
        }
        settle().await;
        assert_eq!(*store.known.lock(), std::collections::BTreeSet::new(), "{before} {answered}");
        answers.add_permits(1);
        assert_eq!(outcome(&room.verifier, &store, signed_request(&room), 204).await, 204);
    }
}

#[test]
fn without_a_runtime_the_store_is_asked_all_the_same() {
    let room = room();
    let store = Shared::default();
    let mut outcome = Box::pin(outcome(&room.verifier, &store, signed_request(&room), 204));
    let status = FutureExt::now_or_never(std::future::poll_fn(|cx| {
        // The store yields once, and so does `outcome`.
        (0..3).map(|_| outcome.as_mut().poll(cx)).find(std::task::Poll::is_ready).unwrap_or(std::task::Poll::Pending)
    }));
    assert_eq!(status, Some(204));
    assert_eq!(store.known.lock().len(), 2);
}
