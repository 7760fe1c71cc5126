//! Work done once per key, in memory: the first call, and a repetition that gets the stored answer.
//!
//! No peer keeps answers. tower-resilience's coalesce is the nearest: it joins calls under way, and forgets at once.

use std::{
    collections::HashMap,
    future::{Future, poll_fn, ready},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use fsm_integration_core::{
    clock::CoarseClock,
    layers::idempotency::{
        Executed, Fingerprint, IdempotencyConfig, IdempotencyKey, IdempotencyManager, MemoryIdempotencyStore,
        StoredResponse,
    },
};
use futures_util::StreamExt;
use http::{Response, header};
use tower::{Layer, Service};
use tower_resilience_coalesce::CoalesceLayer;

use crate::harness::{
    contender::{Lane, Row, Side},
    service::{Ask, Conflict, Ends, Failure, HOUR, Noop, block_on, serve, spin},
};

/// Far fewer than there are keys: when a key comes again, it was dropped, and its call is a first one.
const KEPT: usize = 4_096;
const KEYS: usize = 4 * KEPT;
const WORK: Duration = Duration::from_millis(20);

type Manager = IdempotencyManager<MemoryIdempotencyStore<StoredResponse, CoarseClock>>;

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
        let (manager, answer) = (manager.clone(), answer());
        Box::new(move |calls| {
            block_on(async {
                for number in 0..calls {
                    let key = IdempotencyKey::new("bench", "order.create", &format!("{number:036}")).expect("a key");
                    execute(&manager, &key, &answer).await;
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
    assert!(!block_on(execute(&manager, &key, &answer())).replayed);
    row.ours("IdempotencyManager", move || {
        let (manager, key, answer) = (manager.clone(), key.clone(), answer());
        Box::new(move |calls| {
            block_on(async {
                for _ in 0..calls {
                    assert!(execute(&manager, &key, &answer).await.replayed);
                }
            });
        })
    });
    coalesce(row);
}

/// How often a repetition is polled that waits for the first call, which takes [`WORK`].
pub(crate) fn waiting(row: &mut Row) {
    row.count(Side::Ours, "IdempotencyManager", "polls of a waiter", || {
        let (manager, key, answer) = (manager(), keys().swap_remove(0), answer());
        let call = || {
            let work = |_| async {
                tokio::time::sleep(WORK).await;
                Ok::<_, Conflict>(answer.clone())
            };
            manager.execute(&key, Fingerprint([7; 32]), work)
        };
        polls_of_the_second(call(), call())
    });
    row.count(Side::Peer, "tower-resilience coalesce", "polls of a waiter", || {
        let slow = tower::service_fn(|ask: Ask| async move {
            tokio::time::sleep(WORK).await;
            Ok::<_, Failure>(ask.0)
        });
        let mut service = CoalesceLayer::new(|ask: &Ask| ask.0).layer(slow);
        polls_of_the_second(service.call(Ask(1)), service.call(Ask(1)))
    });
}

fn polls_of_the_second(first: impl Future, second: impl Future) -> f64 {
    let mut polls = 0;
    block_on(async {
        let mut second = pin!(second);
        let counting = poll_fn(|cx| {
            polls += 1;
            second.as_mut().poll(cx)
        });
        // A task each, in effect: one is not polled when the other is woken.
        let mut both = futures_util::stream::FuturesUnordered::<Pin<Box<dyn Future<Output = ()> + '_>>>::new();
        both.push(Box::pin(async { drop(first.await) }));
        both.push(Box::pin(async { drop(counting.await) }));
        while both.next().await.is_some() {}
    });
    f64::from(polls)
}

/// Each call under the next key; of two tasks at once each has every other one.
///
/// If they shared them, a task that the machine puts off for some milliseconds would come back to a key that the other
/// one has been round to meanwhile.
fn first_calls(manager: Manager, keys: Vec<IdempotencyKey>) -> impl Fn() -> Lane {
    let (keys, tasks) = (Arc::new(keys), AtomicUsize::new(0));
    let next = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    move || {
        let (manager, keys, next) = (manager.clone(), Arc::clone(&keys), Arc::clone(&next));
        let (answer, half) = (answer(), tasks.fetch_add(1, Relaxed) % 2);
        Box::new(move |calls| {
            block_on(async {
                for _ in 0..calls {
                    let number = 2 * next[half].fetch_add(1, Relaxed) + half;
                    assert!(!execute(&manager, &keys[number % KEYS], &answer).await.replayed);
                }
            });
        })
    }
}

/// The work costs a copy of the answer; so does the store, and a replay.
async fn execute(manager: &Manager, key: &IdempotencyKey, answer: &StoredResponse) -> Executed<StoredResponse> {
    let work = |_| ready(Ok::<_, Conflict>(answer.clone()));
    manager.execute(key, Fingerprint([7; 32]), work).await.expect("nobody else works on it")
}

fn answer() -> StoredResponse {
    let mut answer = Response::new(Bytes::from_static(br#"{"orderId":"4711","status":"accepted"}"#));
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    StoredResponse::of(&answer)
}

fn manager() -> Manager {
    IdempotencyManager::with_config(
        MemoryIdempotencyStore::with_clock(KEPT, HOUR, CoarseClock::new()),
        IdempotencyConfig::default(),
    )
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
