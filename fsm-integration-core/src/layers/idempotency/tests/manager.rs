use super::*;

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
async fn a_failure_is_not_kept_and_the_next_call_works_again() {
    let (manager, key) = (manager::<u32>(), key("1"));
    let failed = manager.execute(&key, A, |_| async { Err::<u32, _>(Error::from(ErrorKind::Timeout)) }).await;
    assert_eq!(failed.expect_err("its own error").kind(), ErrorKind::Timeout);
    assert!(!manager.execute(&key, A, |_| async { Ok::<_, Error>(2) }).await.expect("done").replayed);
}

#[tokio::test(start_paused = true)]
async fn a_lease_of_nothing_still_keeps_others_away() {
    let (key, runs) = (key("1"), AtomicU32::new(0));
    let config = IdempotencyConfig { lease: Duration::ZERO, renew_every: Duration::ZERO, ..Default::default() };
    let manager = manager::<u32>().configured(config);
    let call = || manager.execute(&key, A, |_| count(&runs, Duration::from_secs(3)));
    let (first, second) = tokio::join!(call(), call());
    assert_eq!((first.expect("an outcome").value, second.expect("an outcome").value), (1, 1));
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}
