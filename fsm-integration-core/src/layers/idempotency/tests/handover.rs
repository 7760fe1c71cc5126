use super::*;

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
async fn a_waiter_takes_over_at_once_and_not_when_the_lease_ends() {
    let (manager, key) = (manager::<u32>(), key("1"));
    let leader = timeout(Duration::from_secs(1), manager.execute(&key, A, |_| pending::<Result<u32, Error>>()));
    let began = tokio::time::Instant::now();
    let follower = manager.execute(&key, A, |execution| async move { Ok::<_, Error>(execution.fence() as u32) });
    let (_, follower) = tokio::join!(leader, follower);
    assert_eq!(follower.expect("taken over"), Executed { value: 2, replayed: false });
    assert_eq!(began.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn no_follower_fails_because_its_leader_was_cancelled() {
    let (manager, key, runs) = (manager::<u32>(), key("1"), AtomicU32::new(0));
    let leader = timeout(Duration::from_secs(1), manager.execute(&key, A, |_| pending::<Result<u32, Error>>()));
    let followers = (0..20).map(|_| manager.execute(&key, A, |_| count(&runs, Duration::from_secs(3))));
    let (_, outcomes) = tokio::join!(leader, join_all(followers));
    assert!(outcomes.into_iter().all(|outcome| outcome.expect("an outcome").value == 1));
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

/// Polls a future and counts how often.
async fn counted<F: Future>(polls: &AtomicU32, future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| {
        polls.fetch_add(1, Ordering::SeqCst);
        future.as_mut().poll(cx)
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_waiter_is_polled_only_to_begin_and_to_end() {
    let (manager, key, polls) = (manager::<u32>(), key("1"), AtomicU32::new(0));
    let leader = tokio::spawn({
        let (manager, key) = (manager.clone(), key.clone());
        let work = |_| async {
            for _ in 0..1_000 {
                sleep(Duration::from_millis(4)).await;
            }
            Ok::<_, Error>(1)
        };
        async move { manager.execute(&key, A, work).await }
    });
    tokio::task::yield_now().await;
    let work = |_| async { Ok::<_, Error>(2) };
    let follower = tokio::spawn(async move { counted(&polls, manager.execute(&key, A, work)).await.map(|_| polls) });
    let polls = follower.await.expect("no panic").expect("an outcome");
    assert_eq!(polls.load(Ordering::SeqCst), 2);
    assert_eq!(leader.await.expect("no panic").expect("an outcome").value, 1);
}

#[tokio::test(start_paused = true)]
async fn a_failing_leader_wakes_one_successor_and_not_all() {
    const CALLS: u32 = 50;
    let (manager, key, polls) = (manager::<u32>(), key("1"), Arc::new(AtomicU32::new(0)));
    let calls = (0..CALLS).map(|_| {
        let (manager, key, polls) = (manager.clone(), key.clone(), Arc::clone(&polls));
        tokio::spawn(async move {
            let work = |_| async {
                sleep(Duration::from_millis(1)).await;
                Err::<u32, Error>(ErrorKind::Timeout.into())
            };
            counted(&polls, manager.execute(&key, A, work)).await.expect_err("its own error").kind()
        })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.expect("no panic"), ErrorKind::Timeout);
    }
    assert!(polls.load(Ordering::SeqCst) <= 3 * CALLS, "to begin, to take over, to end: {polls:?}");
    assert!(manager.store().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_successor_that_goes_away_before_its_turn_passes_it_on() {
    let (manager, key) = (manager::<u32>(), key("1"));
    let work = |_| async { Ok::<_, Error>(2) };
    let mut leader = Box::pin(manager.execute(&key, A, |_| pending::<Result<u32, Error>>()));
    let mut chosen = Box::pin(manager.execute(&key, A, work));
    let mut next = Box::pin(manager.execute(&key, A, work));
    assert!(futures_util::poll!(leader.as_mut()).is_pending());
    assert!(futures_util::poll!(chosen.as_mut()).is_pending());
    assert!(futures_util::poll!(next.as_mut()).is_pending());
    drop(leader);
    drop(chosen);
    assert_eq!(timeout(Duration::ZERO, next).await.expect("at once").expect("done").value, 2);
    let mut leader = Box::pin(manager.execute(&key, B, |_| pending::<Result<u32, Error>>()));
    assert!(futures_util::poll!(leader.as_mut()).is_ready(), "a mismatch");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_when_everybody_goes_away() {
    let (manager, key) = (manager::<u32>(), key("1"));
    let calls = (0..5).map(|_| manager.execute(&key, A, |_| pending::<Result<u32, Error>>()));
    assert!(timeout(Duration::from_secs(1), join_all(calls)).await.is_err());
    assert!(manager.store().is_empty());
    let other = manager.execute(&key, B, |_| async { Ok::<_, Error>(1) }).await;
    assert!(!other.expect("the key is free").replayed);
}

#[tokio::test(start_paused = true)]
async fn i10_after_the_death_of_an_owner_the_next_one_has_its_key_with_a_higher_fence() {
    let (manager, key) = (manager::<u32>(), key("1"));
    let mut killed = Box::pin(manager.execute(&key, A, |_| pending::<Result<u32, Error>>()));
    assert!(futures_util::poll!(killed.as_mut()).is_pending());
    // As a process that is killed: nothing is dropped, nothing renews.
    std::mem::forget(killed);
    let began = tokio::time::Instant::now();
    sleep(Duration::from_secs(26)).await;
    let next = manager.execute(&key, A, |execution| async move { Ok::<_, Error>(execution.fence() as u32) });
    assert_eq!(next.await.expect("taken over"), Executed { value: 2, replayed: false });
    assert_eq!(began.elapsed(), Duration::from_secs(30));
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

#[tokio::test(start_paused = true)]
async fn a_repetition_may_wait_for_ever() {
    let (key, runs) = (key("1"), AtomicU32::new(0));
    let config = IdempotencyConfig { wait_timeout: Duration::MAX, ..IdempotencyConfig::default() };
    let manager = manager::<u32>().configured(config);
    let call = || manager.execute(&key, A, |_| count(&runs, Duration::from_secs(100)));
    let (first, second) = tokio::join!(call(), call());
    assert_eq!((first.expect("an outcome").value, second.expect("an outcome").value), (1, 1));
}
