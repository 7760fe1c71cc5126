use std::{
    convert::Infallible,
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::join_all;
use tokio::time::{sleep, timeout};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::*;
use crate::error::{Error, ErrorKind, IdempotencyConflict};

const A: Fingerprint = Fingerprint([1; 32]);
const B: Fingerprint = Fingerprint([2; 32]);

type Manager<T> = IdempotencyManager<MemoryIdempotencyStore<T>>;

fn manager<T: Clone + Send + 'static>() -> Manager<T> {
    IdempotencyManager::new(MemoryIdempotencyStore::default())
}

fn key(client: &str) -> IdempotencyKey {
    IdempotencyKey::new("demo", "order.intake", client).expect("a key")
}

/// Work that counts its executions and returns the number.
async fn count(runs: &AtomicU32, takes: Duration) -> Result<u32, Error> {
    let run = runs.fetch_add(1, Ordering::SeqCst) + 1;
    sleep(takes).await;
    Ok(run)
}

#[tokio::test(start_paused = true)]
async fn f_i5_a_hundred_at_once_execute_once() {
    let (manager, key, runs) = (manager(), key("1"), AtomicU32::new(0));
    let calls = (0..100).map(|_| manager.execute(&key, A, |_| count(&runs, Duration::from_secs(2))));
    let outcomes: Result<Vec<_>, _> = join_all(calls).await.into_iter().collect();
    let outcomes = outcomes.expect("all get the outcome");
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    assert!(outcomes.iter().all(|outcome| outcome.value == 1));
    assert_eq!(outcomes.iter().filter(|outcome| !outcome.replayed).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn f_i6_work_without_result_is_done_once() {
    let runs = AtomicU32::new(0);
    let (manager, key) = (manager::<()>(), key("1"));
    for _ in 0..3 {
        let work = |_| async {
            runs.fetch_add(1, Ordering::SeqCst);
            Ok::<_, Error>(())
        };
        manager.execute(&key, A, work).await.expect("done");
    }
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn f_i7_waiting_is_bounded_and_ends_with_a_hint() {
    let (manager, key) = (manager::<u32>(), key("1"));
    let leader = manager.execute(&key, A, |_| pending::<Result<u32, Error>>());
    let mut leader = std::pin::pin!(leader);
    assert!(futures_util::poll!(leader.as_mut()).is_pending());
    let began = tokio::time::Instant::now();
    let follower = manager.execute(&key, A, |_| async { Ok::<_, Error>(2) }).await.expect_err("still under way");
    assert_eq!(began.elapsed(), Duration::from_secs(5));
    assert_eq!((follower.kind(), follower.retry_after()), (ErrorKind::InProgress, Some(Duration::from_secs(1))));
}

#[tokio::test(start_paused = true)]
async fn f_i11_another_payload_is_a_mismatch_at_once_even_while_in_progress() {
    let (manager, key) = (manager::<u32>(), key("1"));
    let mut leader = std::pin::pin!(manager.execute(&key, A, |_| count_to_one()));
    assert!(futures_util::poll!(leader.as_mut()).is_pending());
    let other = manager.execute(&key, B, |_| async { Ok::<_, IdempotencyConflict>(2) });
    assert_eq!(timeout(Duration::ZERO, other).await.expect("at once"), Err(IdempotencyConflict::Mismatch));
    assert!(leader.await.is_ok());
    let other = manager.execute(&key, B, |_| async { Ok::<_, IdempotencyConflict>(2) }).await;
    assert_eq!(other, Err(IdempotencyConflict::Mismatch));
}

async fn count_to_one() -> Result<u32, Error> {
    sleep(Duration::from_secs(1)).await;
    Ok(1)
}

#[tokio::test(start_paused = true)]
async fn f_i4_work_longer_than_its_lease_runs_once() {
    let runs = Arc::new(AtomicU32::new(0));
    let (manager, key) = (manager::<u32>(), key("1"));
    let first = {
        let (manager, key, runs) = (manager.clone(), key.clone(), Arc::clone(&runs));
        tokio::spawn(async move { manager.execute(&key, A, |_| count(&runs, Duration::from_millis(344_400))).await })
    };
    for _ in 0..17 {
        sleep(Duration::from_secs(15)).await;
        let again = manager.execute(&key, A, |_| count(&runs, Duration::ZERO)).await;
        assert_eq!(again.expect_err("under way").kind(), ErrorKind::InProgress);
    }
    assert_eq!(first.await.expect("no panic").expect("done").value, 1);
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_leader_hands_over_to_one_that_waits() {
    let (manager, key, runs) = (manager::<u32>(), key("1"), AtomicU32::new(0));
    let leader = timeout(Duration::from_secs(1), manager.execute(&key, A, |_| pending::<Result<u32, Error>>()));
    let follower = |_| count(&runs, Duration::from_millis(10));
    let (left, a, b) = tokio::join!(leader, manager.execute(&key, A, follower), manager.execute(&key, A, follower));
    assert!(left.is_err());
    assert_eq!((a.expect("an outcome").value, b.expect("an outcome").value), (1, 1));
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_panicking_leader_hands_over() {
    let (manager, key) = (manager::<u32>(), key("1"));
    let panicking = {
        let (manager, key) = (manager.clone(), key.clone());
        tokio::spawn(async move {
            let work = |_| async {
                sleep(Duration::from_secs(1)).await;
                panic!("boom")
            };
            manager.execute::<u32, Error, _, _>(&key, A, work).await
        })
    };
    tokio::task::yield_now().await;
    let follower = manager.execute(&key, A, |_| async { Ok::<_, Error>(7) }).await.expect("taken over");
    assert_eq!((follower.value, follower.replayed), (7, false));
    assert!(panicking.await.expect_err("a panic").is_panic());
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_not_kept_and_the_next_call_works_again() {
    let (manager, key) = (manager::<u32>(), key("1"));
    let failed = manager.execute(&key, A, |_| async { Err::<u32, _>(Error::from(ErrorKind::Timeout)) }).await;
    assert_eq!(failed.expect_err("its own error").kind(), ErrorKind::Timeout);
    assert!(!manager.execute(&key, A, |_| async { Ok::<_, Error>(2) }).await.expect("done").replayed);
}

#[tokio::test(start_paused = true)]
async fn f_i3_only_the_owner_completes_or_releases_and_fences_grow() {
    let store = MemoryIdempotencyStore::<u32>::default();
    let (key, lease) = (key("1"), Duration::from_secs(30));
    let (first, second) = (Owner::random(), Owner::random());
    let Ok(Begin::Won(old)) = store.begin(&key, A, first, lease).await else { panic!("absent") };
    sleep(lease).await;
    let Ok(Begin::Won(new)) = store.begin(&key, A, second, lease).await else { panic!("the lease ran out") };
    assert!(new.fence > old.fence);
    assert_eq!(store.renew(&key, first, lease).await.expect("asked"), StoreOutcome::LostLease);
    assert_eq!(store.release(&key, first).await.expect("asked"), StoreOutcome::LostLease);
    assert_eq!(store.complete(&key, first, &1).await.expect("asked"), StoreOutcome::LostLease);
    assert_eq!(store.complete(&key, second, &2).await.expect("asked"), StoreOutcome::Stored);
    assert_eq!(store.release(&key, second).await.expect("asked"), StoreOutcome::LostLease, "it is done");
    assert_eq!(store.begin(&key, A, first, lease).await.expect("asked"), Begin::Done(2));
}

#[tokio::test(start_paused = true)]
async fn an_outcome_lives_for_a_day_and_the_store_stays_bounded() {
    let store = MemoryIdempotencyStore::<u32>::new(10, Duration::from_secs(86_400));
    let manager = IdempotencyManager::new(store);
    let run = |client: u32| {
        let (manager, key) = (manager.clone(), key(&client.to_string()));
        async move { manager.execute(&key, A, |_| async { Ok::<_, Error>(client) }).await.expect("done").replayed }
    };
    assert!(!run(1).await);
    sleep(Duration::from_secs(86_399)).await;
    assert!(run(1).await);
    sleep(Duration::from_secs(1)).await;
    assert!(!run(1).await);
    for client in 2..100 {
        run(client).await;
    }
    assert_eq!(manager.store().len(), 10);
    assert!(run(99).await);
}

#[tokio::test(start_paused = true)]
async fn a_store_full_of_work_refuses_new_work() {
    let manager = IdempotencyManager::new(MemoryIdempotencyStore::<u32>::new(1, Duration::from_secs(60)));
    let (busy, new) = (key("busy"), key("new"));
    let mut leader = std::pin::pin!(manager.execute(&busy, A, |_| count_to_one()));
    assert!(futures_util::poll!(leader.as_mut()).is_pending());
    let refused = manager.execute(&new, A, |_| async { Ok::<_, IdempotencyConflict>(2) }).await;
    assert_eq!(refused, Err(IdempotencyConflict::StoreUnavailable));
    assert!(leader.await.is_ok());
}

/// A store that cannot write outcomes down.
struct Forgetful(MemoryIdempotencyStore<u32>);

impl IdempotencyStore<u32> for Forgetful {
    fn begin<'a>(
        &'a self,
        key: &'a IdempotencyKey,
        fingerprint: Fingerprint,
        owner: Owner,
        lease: Duration,
    ) -> StoreFuture<'a, Begin<u32>> {
        self.0.begin(key, fingerprint, owner, lease)
    }

    fn renew<'a>(&'a self, key: &'a IdempotencyKey, owner: Owner, lease: Duration) -> StoreFuture<'a, StoreOutcome> {
        self.0.renew(key, owner, lease)
    }

    fn complete<'a>(&'a self, _: &'a IdempotencyKey, _: Owner, _: &u32) -> StoreFuture<'a, StoreOutcome> {
        StoreFuture::boxed(async { Err(ErrorKind::Unavailable.into()) })
    }

    fn release<'a>(&'a self, key: &'a IdempotencyKey, owner: Owner) -> StoreFuture<'a, StoreOutcome> {
        self.0.release(key, owner)
    }

    fn abandon(&self, key: &IdempotencyKey, owner: Owner) {
        self.0.abandon(key, owner);
    }
}

#[tokio::test(start_paused = true)]
async fn f_i8_an_outcome_that_cannot_be_written_down_is_unknown_and_not_repeated_at_once() {
    let manager = IdempotencyManager::new(Forgetful(MemoryIdempotencyStore::default()));
    let (key, runs) = (key("1"), AtomicU32::new(0));
    let work = |_| async {
        runs.fetch_add(1, Ordering::SeqCst);
        Ok::<_, IdempotencyConflict>(1)
    };
    assert_eq!(manager.execute(&key, A, work).await, Err(IdempotencyConflict::LostLease));
    let again = manager.execute(&key, A, work).await;
    assert_eq!(again, Err(IdempotencyConflict::InProgress { retry_after: Duration::from_secs(1) }));
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

/// Threads that race, drop out half-way and try again: at no time two at work, each key done once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_and_dropping_callers_never_work_at_once() {
    const KEYS: usize = 40;
    let manager = manager::<usize>();
    let at_work: Arc<Vec<AtomicU32>> = Arc::new((0..KEYS).map(|_| AtomicU32::new(0)).collect());
    let done: Arc<Vec<AtomicU32>> = Arc::new((0..KEYS).map(|_| AtomicU32::new(0)).collect());
    let callers = (0..16 * KEYS).map(|caller| {
        let (manager, at_work, done) = (manager.clone(), Arc::clone(&at_work), Arc::clone(&done));
        tokio::spawn(async move {
            let n = caller % KEYS;
            let key = key(&n.to_string());
            let work = |_| async {
                assert_eq!(at_work[n].fetch_add(1, Ordering::SeqCst), 0, "two at work");
                let _left = Left(&at_work[n]);
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
                done[n].fetch_add(1, Ordering::SeqCst);
                Ok::<_, Error>(n)
            };
            let call = std::pin::pin!(manager.execute(&key, A, work));
            if caller % 3 == 0 {
                let a_moment = std::pin::pin!(async {
                    for _ in 0..caller % 11 {
                        tokio::task::yield_now().await;
                    }
                });
                futures_util::future::select(call, a_moment).await;
            } else {
                assert_eq!(call.await.expect("an outcome").value, n);
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("no panic");
    }
    assert!(done.iter().all(|done| done.load(Ordering::SeqCst) == 1));
}

struct Left<'a>(&'a AtomicU32);

impl Drop for Left<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn request(client: Option<&'static str>, body: &'static str) -> http::Request<Bytes> {
    let mut request = http::Request::new(Bytes::from_static(body.as_bytes()));
    if let Some(client) = client {
        request.headers_mut().insert("idempotency-key", http::HeaderValue::from_static(client));
    }
    request
}

fn key_of(request: &http::Request<Bytes>) -> Option<(IdempotencyKey, Fingerprint)> {
    let client = client_key(request.headers()).ok().flatten()?;
    Some((key(client), Fingerprint::of(request.body())))
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
        assert_eq!(request.extensions().get::<Lease>().is_some(), request.headers().contains_key("idempotency-key"));
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

#[cfg(feature = "testing")]
#[tokio::test(start_paused = true)]
async fn the_layer_passes_the_probe_with_and_without_keys() {
    use crate::testing::probe;
    let without = IdempotencyLayer::new(manager::<StoredResponse>(), |_: &http::Request<Bytes>| None);
    probe::layer(|inner| without.layer(inner)).await;
    let calls = Arc::new(AtomicU32::new(0));
    let keyed = IdempotencyLayer::new(manager::<StoredResponse>(), move |_: &http::Request<Bytes>| {
        Some((key(&calls.fetch_add(1, Ordering::SeqCst).to_string()), A))
    });
    probe::layer(|inner| keyed.layer(inner)).await;
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use super::*;
    use crate::{
        clock::SystemClock,
        sqlite::{Database, DatabaseConfig},
    };

    async fn store(ttl: Duration) -> (tempfile::TempDir, Database, SqliteIdempotencyStore) {
        let folder = tempfile::tempdir().expect("a folder");
        let database = Database::open(&folder.path().join("t.db"), DatabaseConfig::default()).expect("opens");
        database.migrate(SqliteIdempotencyStore::MIGRATIONS).await.expect("migrates");
        let store = SqliteIdempotencyStore::with_ttl(database.clone(), Arc::new(SystemClock), ttl);
        (folder, database, store)
    }

    #[tokio::test]
    async fn concurrent_calls_execute_once_and_a_new_process_replays() {
        let (_folder, _database, store) = store(SqliteIdempotencyStore::DEFAULT_TTL).await;
        let (key, runs) = (key("1"), AtomicU32::new(0));
        let manager = IdempotencyManager::new(store.clone());
        let calls = (0..8).map(|_| manager.execute(&key, A, |_| count(&runs, Duration::from_millis(20))));
        for outcome in join_all(calls).await {
            assert_eq!(outcome.expect("an outcome").value, 1);
        }
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        let later = IdempotencyManager::new(store);
        assert!(later.execute(&key, A, |_| count(&runs, Duration::ZERO)).await.expect("stored").replayed);
        let other = later.execute(&key, B, |_| async { Ok::<u32, IdempotencyConflict>(9) }).await;
        assert_eq!(other, Err(IdempotencyConflict::Mismatch));
    }

    #[tokio::test]
    async fn only_the_owner_completes_and_fences_grow_over_releases() {
        let (_folder, _database, store) = store(SqliteIdempotencyStore::DEFAULT_TTL).await;
        let store: &dyn IdempotencyStore<u32> = &store;
        let (key, lease) = (key("1"), Duration::from_secs(30));
        let (first, second) = (Owner::random(), Owner::random());
        let Ok(Begin::Won(old)) = store.begin(&key, A, first, lease).await else { panic!("absent") };
        let busy = store.begin(&key, A, second, lease).await.expect("asked");
        assert!(matches!(busy, Begin::InProgress { left } if left <= lease));
        assert_eq!(store.release(&key, second).await.expect("asked"), StoreOutcome::LostLease);
        assert_eq!(store.release(&key, first).await.expect("asked"), StoreOutcome::Stored);
        let Ok(Begin::Won(new)) = store.begin(&key, A, second, Duration::ZERO).await else { panic!("given back") };
        assert!(new.fence > old.fence);
        assert_eq!(store.complete(&key, first, &1).await.expect("asked"), StoreOutcome::LostLease);
        let Ok(Begin::Won(newer)) = store.begin(&key, A, first, lease).await else { panic!("the lease ran out") };
        assert!(newer.fence > new.fence);
        assert_eq!(store.renew(&key, first, lease).await.expect("asked"), StoreOutcome::Stored);
        assert_eq!(store.complete(&key, first, &2).await.expect("asked"), StoreOutcome::Stored);
        assert_eq!(store.begin(&key, A, second, lease).await.expect("asked"), Begin::Done(2));
    }

    #[tokio::test]
    async fn a_unit_of_work_records_its_outcome_or_nothing() {
        let (_folder, database, store) = store(SqliteIdempotencyStore::DEFAULT_TTL).await;
        let claim = |fingerprint, fail: bool| {
            let (store, key) = (store.clone(), key("1"));
            database.write(move |tx| {
                let claim = store.look_up_in::<StoredResponse>(tx, &key, fingerprint)?;
                if claim == Claim::Absent {
                    let response = http::Response::builder().status(202).body(Bytes::from_static(b"{}"));
                    store.record_done_in(tx, &key, fingerprint, &StoredResponse::of(&response.expect("a response")))?;
                }
                if fail { Err(ErrorKind::Internal.into()) } else { Ok(claim) }
            })
        };
        assert!(claim(A, true).await.is_err());
        assert_eq!(claim(A, false).await.expect("undone before"), Claim::Absent);
        let Claim::Replay(stored) = claim(A, false).await.expect("asked") else { panic!("recorded before") };
        assert_eq!((stored.status.as_u16(), &stored.body[..]), (202, &b"{}"[..]));
        assert_eq!(claim(B, false).await.expect("asked"), Claim::Mismatch);
    }

    #[tokio::test]
    async fn the_sweep_is_bounded_and_leaves_what_still_counts() {
        let (_folder, database, store) = store(Duration::ZERO).await;
        let lasting = SqliteIdempotencyStore::new(database.clone(), Arc::new(SystemClock));
        let writer = store.clone();
        let write = database.write(move |tx| {
            for n in 0..5 {
                writer.record_done_in(tx, &key(&n.to_string()), A, &n)?;
            }
            lasting.record_done_in(tx, &key("lasting"), A, &1)
        });
        write.await.expect("recorded");
        assert_eq!(store.sweep(3).await.expect("swept"), 3);
        assert_eq!(store.sweep(3).await.expect("swept"), 2);
        assert_eq!(store.sweep(3).await.expect("swept"), 0);
    }
}
