//! Work done once per key, in memory: the first call, and a repetition that gets the stored answer.
//!
//! No peer keeps answers. tower-resilience's coalesce is the nearest: it joins calls under way, and forgets at once.

use std::{
    collections::HashMap,
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use fsm_integration_core::layers::idempotency::{
    Executed, Fingerprint, IdempotencyConfig, IdempotencyKey, IdempotencyManager, MemoryIdempotencyStore,
    StoredResponse,
};
use http::{Response, header};
use tower::Layer;
use tower_resilience_coalesce::CoalesceLayer;

use crate::harness::{
    contender::{Lane, Row},
    service::{Ask, Conflict, Ends, HOUR, Noop, block_on, serve, spin},
};

/// Far fewer than there are keys: when a key comes again, it was dropped, and its call is a first one.
const KEPT: usize = 4_096;
const KEYS: usize = 4 * KEPT;

type Manager = IdempotencyManager<MemoryIdempotencyStore<StoredResponse>>;

pub(crate) fn first(row: &mut Row) {
    row.floor("map insert and remove", || {
        let mut map = HashMap::new();
        spin(move |number| {
            map.insert(number, number);
            map.remove(&number)
        })
    })
    .alone();
    let manager = manager();
    row.ours("IdempotencyManager", first_calls(manager.clone(), keys()));
    row.also("IdempotencyManager, key made too", move || {
        let manager = manager.clone();
        Box::new(move |calls| {
            block_on(async {
                for number in 0..calls {
                    let key = IdempotencyKey::new("bench", "order.create", &format!("{number:036}")).expect("a key");
                    execute(&manager, &key).await;
                }
            });
        })
    });
    coalesce(row);
}

pub(crate) fn replay(row: &mut Row) {
    row.floor("map get", || {
        let map: HashMap<u64, u64> = (0..KEYS as u64).map(|key| (key, key)).collect();
        spin(move |number| map.get(&(number % KEYS as u64)).copied())
    })
    .alone();
    let (manager, key) = (manager(), keys().swap_remove(0));
    assert!(!block_on(execute(&manager, &key)).replayed);
    row.ours("IdempotencyManager", move || {
        let (manager, key) = (manager.clone(), key.clone());
        Box::new(move |calls| {
            block_on(async {
                for _ in 0..calls {
                    assert!(execute(&manager, &key).await.replayed);
                }
            });
        })
    });
    coalesce(row);
}

/// Each call under the next key, for all tasks together.
fn first_calls(manager: Manager, keys: Vec<IdempotencyKey>) -> impl Fn() -> Lane {
    let (keys, next) = (Arc::new(keys), Arc::new(AtomicUsize::new(0)));
    move || {
        let (manager, keys, next) = (manager.clone(), Arc::clone(&keys), Arc::clone(&next));
        Box::new(move |calls| {
            block_on(async {
                for _ in 0..calls {
                    let key = &keys[next.fetch_add(1, Relaxed) % KEYS];
                    assert!(!execute(&manager, key).await.replayed);
                }
            });
        })
    }
}

async fn execute(manager: &Manager, key: &IdempotencyKey) -> Executed<StoredResponse> {
    let response = StoredResponse::of(&answer());
    let work = |_| ready(Ok::<_, Conflict>(response));
    manager.execute(key, Fingerprint([7; 32]), work).await.expect("nobody else works on it")
}

fn answer() -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from_static(br#"{"orderId":"4711","status":"accepted"}"#));
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    answer
}

fn manager() -> Manager {
    IdempotencyManager::with_config(MemoryIdempotencyStore::new(KEPT, HOUR), IdempotencyConfig::default())
}

fn keys() -> Vec<IdempotencyKey> {
    let key = |number| IdempotencyKey::new("bench", "order.create", &format!("key-{number}")).expect("a key");
    (0..KEYS).map(key).collect()
}

/// Joins calls under way by their key.
fn coalesce(row: &mut Row) {
    let service = CoalesceLayer::new(|ask: &Ask| ask.0).layer(Noop);
    row.peer("tower-resilience coalesce", move || serve(service.clone(), Ends::Well)).alone();
}
