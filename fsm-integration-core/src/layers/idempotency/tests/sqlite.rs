use super::*;
use crate::{
    clock::SystemClock,
    sqlite::{Database, DatabaseConfig},
};

pub(super) async fn database() -> (tempfile::TempDir, Database) {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::open(&folder.path().join("t.db"), DatabaseConfig::default()).expect("opens");
    database.migrate(SqliteIdempotencyStore::MIGRATIONS).await.expect("migrates");
    (folder, database)
}

async fn store(ttl: Duration) -> (tempfile::TempDir, Database, SqliteIdempotencyStore) {
    let (folder, database) = database().await;
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
async fn what_is_done_is_not_done_again_because_its_outcome_has_another_form_by_now() {
    let (_folder, _database, store) = store(SqliteIdempotencyStore::DEFAULT_TTL).await;
    let config = IdempotencyConfig { on_store_failure: StoreFailure::Proceed, ..IdempotencyConfig::default() };
    let (manager, key) = (IdempotencyManager::with_config(store, config), key("1"));
    manager.execute(&key, A, |_| async { Ok::<_, Error>("text".to_owned()) }).await.expect("done");
    let runs = AtomicU32::new(0);
    let again = manager.execute(&key, A, |_| count(&runs, Duration::ZERO)).await.expect_err("no number");
    assert_eq!(again.kind(), ErrorKind::OutcomeUnknown);
    let again = manager.execute(&key, A, |_| async { Ok::<u32, IdempotencyConflict>(1) }).await;
    assert_eq!(again, Err(IdempotencyConflict::OutcomeUnreadable));
    assert_eq!(runs.load(Ordering::SeqCst), 0);
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

#[tokio::test]
async fn i9_a_later_owner_resumes_from_the_recovery_point() {
    let (_folder, _database, store) = store(SqliteIdempotencyStore::DEFAULT_TTL).await;
    recovery::a_later_owner_resumes(store.clone()).await;
    recovery::a_former_owner_records_nothing(store).await;
}

#[tokio::test]
async fn who_waits_is_woken_and_does_not_poll() {
    let (_folder, _database, store) = store(SqliteIdempotencyStore::DEFAULT_TTL).await;
    let (key, owner) = (key("1"), Owner::random());
    let store: &dyn IdempotencyStore<u32> = &store;
    assert!(matches!(store.begin(&key, A, owner, Duration::from_secs(30)).await, Ok(Begin::Won(_))));
    let mut waiter = store.changed(&key);
    let early = timeout(Duration::from_millis(100), &mut waiter).await;
    assert!(early.is_err(), "nothing has changed");
    assert_eq!(store.complete(&key, owner, &1).await.expect("asked"), StoreOutcome::Stored);
    timeout(Duration::from_millis(100), waiter).await.expect("woken").expect("asked");
    store.changed(&key).await.expect("there is nothing to wait for");
}

#[tokio::test]
async fn a_successor_that_goes_away_before_it_begins_wakes_the_next() {
    let (_folder, _database, store) = store(SqliteIdempotencyStore::DEFAULT_TTL).await;
    let (key, owner) = (key("1"), Owner::random());
    let store: &dyn IdempotencyStore<u32> = &store;
    assert!(matches!(store.begin(&key, A, owner, Duration::from_secs(30)).await, Ok(Begin::Won(_))));
    let (mut first, mut second) = (store.changed(&key), store.changed(&key));
    for waiter in [&mut first, &mut second] {
        assert!(timeout(Duration::from_millis(50), waiter).await.is_err(), "nothing has changed");
    }
    assert_eq!(store.release(&key, owner).await.expect("asked"), StoreOutcome::Stored);
    first.await.expect("asked");
    store.abandon(&key, Owner::random());
    timeout(Duration::from_millis(600), second).await.expect("woken").expect("asked");
}

/// The work of a key is done once, and its outcome found by whatever way, also where JSON has a `null` for it.
async fn is_kept<T>(outcome: T)
where
    T: Clone + PartialEq + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let (_folder, database, store) = store(SqliteIdempotencyStore::DEFAULT_TTL).await;
    let (leased, claimed) = (key("leased"), key("claimed"));
    let manager = IdempotencyManager::new(store.clone());
    for replayed in [false, true, true] {
        let work = async |_| if replayed { panic!("the work was done") } else { Ok::<_, Error>(outcome.clone()) };
        let executed = manager.execute(&leased, A, work).await.expect("an outcome");
        assert_eq!(executed, Executed { value: outcome.clone(), replayed });
    }
    let (writer, written, by) = (store.clone(), outcome.clone(), claimed.clone());
    database.write(move |tx| writer.record_done_in(tx, &by, A, &written)).await.expect("recorded");
    for key in [leased, claimed] {
        let (store, expected) = (store.clone(), Claim::Replay(outcome.clone()));
        let claim = database.write(move |tx| store.look_up_in::<T>(tx, &key, A)).await.expect("asked");
        assert_eq!(claim, expected);
    }
}

/// Requirement I11: an outcome that is empty is not the absence of one.
#[tokio::test]
async fn i11_an_outcome_of_nothing_is_an_outcome() {
    is_kept(()).await;
    is_kept(None::<u32>).await;
    is_kept(false).await;
    is_kept(0).await;
    is_kept(String::new()).await;
    is_kept(Vec::<u32>::new()).await;
}
