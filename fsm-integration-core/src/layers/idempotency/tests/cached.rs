use super::*;

type Cached = CachedIdempotencyStore<MemoryIdempotencyStore<u32>, u32>;

const MINUTE: Duration = Duration::from_secs(60);

async fn begin(store: &Cached, fingerprint: Fingerprint) -> Begin<u32> {
    store.begin(&key("1"), fingerprint, Owner::random(), MINUTE).await.expect("asked")
}

/// A store of outcomes for an hour, remembered for a minute, with one outcome.
async fn with_an_outcome() -> Cached {
    let shared = MemoryIdempotencyStore::new(100, 60 * MINUTE);
    let store = CachedIdempotencyStore::new(shared, 2, MINUTE);
    let owner = Owner::random();
    let begun = store.begin(&key("1"), A, owner, MINUTE).await;
    assert!(matches!(begun, Ok(Begin::Won(_))));
    assert_eq!(store.complete(&key("1"), owner, &7).await.expect("asked"), StoreOutcome::Stored);
    store
}

#[tokio::test(start_paused = true)]
async fn i13_what_the_store_replayed_is_remembered_for_a_while() {
    let store = with_an_outcome().await;
    assert!(store.is_empty(), "nothing is remembered that the store has not replayed");
    assert_eq!(begin(&store, A).await, Begin::Done(7));
    assert_eq!(store.len(), 1);
    assert!(matches!(store.begin(&key("1"), A, Owner::random(), MINUTE).now(), Ok(Ok(Begin::Done(7)))), "at once");
    sleep(MINUTE).await;
    assert!(store.begin(&key("1"), A, Owner::random(), MINUTE).now().is_err(), "asked again");
}

#[tokio::test(start_paused = true)]
async fn i13_what_is_not_done_is_never_remembered() {
    let store = with_an_outcome().await;
    assert_eq!(begin(&store, B).await, Begin::Mismatch);
    let (other, owner) = (key("2"), Owner::random());
    assert!(matches!(store.begin(&other, A, owner, MINUTE).await, Ok(Begin::Won(_))));
    assert!(matches!(store.begin(&other, A, Owner::random(), MINUTE).await, Ok(Begin::InProgress { .. })));
    assert!(store.is_empty());
    assert_eq!(begin(&store, A).await, Begin::Done(7));
    assert_eq!(begin(&store, B).await, Begin::Mismatch, "another payload is not replayed from memory");
}

#[tokio::test(start_paused = true)]
async fn i13_the_memory_is_bounded() {
    let store = with_an_outcome().await;
    for client in ["1", "2", "3", "4"] {
        let (key, owner) = (key(client), Owner::random());
        if let Ok(Begin::Won(_)) = store.begin(&key, A, owner, MINUTE).await {
            store.complete(&key, owner, &1).await.expect("asked");
        }
        assert!(matches!(store.begin(&key, A, owner, MINUTE).await, Ok(Begin::Done(_))));
    }
    assert_eq!(store.len(), 2);
}
