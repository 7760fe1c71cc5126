use std::convert::Infallible;

use bytes::Bytes;
use tower::{Layer, ServiceExt, service_fn};

use super::{
    layers::{answer, signed_request},
    *,
};

/// A store that several processes share.
#[derive(Debug, Clone, Default)]
struct Shared {
    known: Arc<parking_lot::Mutex<std::collections::BTreeSet<String>>>,
    fails: Arc<std::sync::atomic::AtomicBool>,
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
        Ok(self.write(keys))
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
