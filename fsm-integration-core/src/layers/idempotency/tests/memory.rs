use super::*;

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

#[test]
fn a_large_store_is_divided_and_keeps_about_as_much_as_it_was_told() {
    let store = MemoryIdempotencyStore::<u32>::new(20_000, Duration::from_secs(60));
    for n in 0..40_000 {
        let (key, owner) = (key(&n.to_string()), Owner::random());
        let begun = store.begin(&key, A, owner, Duration::from_secs(30)).now();
        assert!(matches!(begun, Ok(Ok(Begin::Won(lease))) if lease.fence == u64::from(n) + 1));
        assert!(matches!(store.complete(&key, owner, &n).now(), Ok(Ok(StoreOutcome::Stored))));
    }
    assert_eq!(store.len(), 20_000);
    assert!(format!("{store:?}").contains("shards: 16"));
}

#[test]
fn work_that_fails_after_a_recovery_point_again_and_again_takes_no_more_room() {
    let store = MemoryIdempotencyStore::<u32>::new(4, Duration::from_secs(60));
    for n in 0..1_000_u32 {
        let (key, owner) = (key(&(n % 3).to_string()), Owner::random());
        assert!(store.begin(&key, A, owner, Duration::from_secs(30)).now().is_ok());
        let point = RecoveryPoint { name: "charged".into(), data: n.into() };
        assert!(store.record_point(&key, owner, point).now().is_ok());
        assert!(store.release(&key, owner).now().is_ok());
    }
    assert_eq!(store.len(), 3);
    assert_eq!(store.slots(), 3);
}

#[test]
fn a_full_store_asks_for_no_more_memory() {
    let store = MemoryIdempotencyStore::<u32>::new(8, Duration::from_secs(60));
    for n in 0..1_000_u32 {
        let (key, owner) = (key(&n.to_string()), Owner::random());
        assert!(matches!(store.begin(&key, A, owner, Duration::from_secs(30)).now(), Ok(Ok(Begin::Won(_)))));
        assert!(matches!(store.complete(&key, owner, &n).now(), Ok(Ok(StoreOutcome::Stored))));
        let kept = n.saturating_sub(7);
        assert_eq!(store.recall(&self::key(&kept.to_string()), A), Some(kept));
    }
    assert_eq!((store.len(), store.slots()), (8, 8));
}

/// While somebody waits to take over, the point is theirs.
#[tokio::test(start_paused = true)]
async fn a_recovery_point_makes_room_once_nobody_waits_for_it() {
    let store = MemoryIdempotencyStore::<u32>::new(1, Duration::from_secs(60));
    let (owner, lease) = (Owner::random(), Duration::from_secs(30));
    let begin = |client: &str| store.begin(&key(client), A, owner, lease).now().expect("at once");
    assert!(begin("1").is_ok());
    let point = RecoveryPoint { name: "charged".into(), data: 1.into() };
    assert!(store.record_point(&key("1"), owner, point).now().is_ok());
    let awaited = key("1");
    let waiting = store.changed(&awaited);
    assert!(store.release(&awaited, owner).now().is_ok());
    sleep(Duration::from_secs(61)).await;
    assert!(store.recall(&key("2"), A).is_none(), "a look, which drops what is over");
    assert_eq!(store.len(), 1);
    drop(waiting);
    assert!(begin("2").is_ok());
    assert_eq!(store.len(), 1);
}

#[test]
fn outcomes_give_way_before_recovery_points() {
    let store = MemoryIdempotencyStore::<u32>::new(3, Duration::from_secs(60));
    let lease = Duration::from_secs(30);
    let begin = |client: &str, owner| store.begin(&key(client), A, owner, lease).now().expect("at once");
    let owner = Owner::random();
    assert!(begin("charged", owner).is_ok());
    let point = RecoveryPoint { name: "charged".into(), data: 1.into() };
    assert!(store.record_point(&key("charged"), owner, point).now().is_ok());
    assert!(store.release(&key("charged"), owner).now().is_ok());
    for client in ["1", "2", "3", "4"] {
        assert!(begin(client, owner).is_ok());
        assert!(store.complete(&key(client), owner, &1).now().is_ok());
    }
    assert!(matches!(begin("charged", owner), Ok(Begin::Resumed(..))));
    assert!(store.release(&key("charged"), owner).now().is_ok());
    // When no outcome is left, they give way too.
    for client in ["5", "6", "7"] {
        assert!(begin(client, owner).is_ok(), "{client}");
    }
    assert_eq!(store.len(), 3);
    assert!(begin("charged", owner).is_err());
}

/// The note of the point that was resumed is over before the outcomes that came after it.
#[tokio::test(start_paused = true)]
async fn a_note_that_no_longer_counts_takes_no_outcome_along() {
    let store = MemoryIdempotencyStore::<u32>::new(10, Duration::from_secs(60));
    let (owner, lease) = (Owner::random(), Duration::from_secs(30));
    let begin = |client: &str| store.begin(&key(client), A, owner, lease).now().expect("at once");
    assert!(begin("1").is_ok());
    let point = RecoveryPoint { name: "charged".into(), data: 1.into() };
    assert!(store.record_point(&key("1"), owner, point).now().is_ok());
    assert!(store.release(&key("1"), owner).now().is_ok());
    sleep(Duration::from_secs(30)).await;
    assert!(matches!(begin("1"), Ok(Begin::Resumed(..))));
    assert!(store.complete(&key("1"), owner, &1).now().is_ok());
    sleep(Duration::from_secs(31)).await;
    assert!(matches!(begin("1"), Ok(Begin::Done(1))), "for 29 s more");
}
