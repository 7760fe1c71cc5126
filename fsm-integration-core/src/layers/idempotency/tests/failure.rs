use super::*;
use crate::observe::{Observation, Told};

/// A store that fails where it is told to.
#[derive(Default)]
struct Failing {
    inner: MemoryIdempotencyStore<u32>,
    begin: bool,
    complete: bool,
    /// It never answers the first renewal.
    renewal_hangs: bool,
    renewals: AtomicU32,
    /// So many times it begins and its answer is lost.
    lost_answers: AtomicU32,
    /// So many times it completes and its answer is lost.
    lost_completions: AtomicU32,
    /// Renews nothing.
    forgets: bool,
}

/// Whether there was one more.
fn one_less(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

fn unavailable<'a, T>() -> StoreFuture<'a, T> {
    StoreFuture::boxed(async { Err(ErrorKind::Unavailable.into()) })
}

/// As a store does that is back: nobody's work owns nothing.
impl RecoveryPoints for Failing {
    fn record_point<'a>(
        &'a self,
        key: &'a IdempotencyKey,
        owner: Owner,
        point: RecoveryPoint,
    ) -> StoreFuture<'a, StoreOutcome> {
        self.inner.record_point(key, owner, point)
    }
}

impl IdempotencyStore<u32> for Failing {
    fn begin<'a>(
        &'a self,
        key: &'a IdempotencyKey,
        fingerprint: Fingerprint,
        owner: Owner,
        lease: Duration,
    ) -> StoreFuture<'a, Begin<u32>> {
        if self.begin {
            return unavailable();
        }
        let begun = self.inner.begin(key, fingerprint, owner, lease);
        if one_less(&self.lost_answers) { unavailable() } else { begun }
    }

    fn renew<'a>(&'a self, key: &'a IdempotencyKey, owner: Owner, lease: Duration) -> StoreFuture<'a, StoreOutcome> {
        if self.forgets {
            return StoreFuture::boxed(async { Ok(StoreOutcome::LostLease) });
        }
        if self.renewals.fetch_add(1, Ordering::SeqCst) == 0 && self.renewal_hangs {
            return StoreFuture::boxed(pending());
        }
        self.inner.renew(key, owner, lease)
    }

    fn complete<'a>(&'a self, key: &'a IdempotencyKey, owner: Owner, outcome: &u32) -> StoreFuture<'a, StoreOutcome> {
        if self.complete {
            return unavailable();
        }
        let completed = self.inner.complete(key, owner, outcome);
        if one_less(&self.lost_completions) { unavailable() } else { completed }
    }

    fn release<'a>(&'a self, key: &'a IdempotencyKey, owner: Owner) -> StoreFuture<'a, StoreOutcome> {
        self.inner.release(key, owner)
    }

    fn abandon(&self, key: &IdempotencyKey, owner: Owner) {
        self.inner.abandon(key, owner);
    }
}

fn proceeding(store: Failing) -> IdempotencyManager<Failing> {
    let config = IdempotencyConfig { on_store_failure: StoreFailure::Proceed, ..IdempotencyConfig::default() };
    IdempotencyManager::new(store).configured(config)
}

#[tokio::test(start_paused = true)]
async fn f_i8_an_outcome_that_cannot_be_written_down_is_unknown_and_not_repeated_at_once() {
    let manager = IdempotencyManager::new(Failing { complete: true, ..Failing::default() });
    let (key, runs) = (key("1"), AtomicU32::new(0));
    let work = |_| async {
        runs.fetch_add(1, Ordering::SeqCst);
        Ok::<_, IdempotencyConflict>(1)
    };
    assert_eq!(manager.execute(&key, A, work).await, Err(IdempotencyConflict::OutcomeUnknown));
    let again = manager.execute(&key, A, work).await;
    assert_eq!(again, Err(IdempotencyConflict::InProgress { retry_after: Duration::from_secs(1) }));
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

/// That the key is not ours any more says nothing then: the try whose answer was lost may have been the one.
#[tokio::test(start_paused = true)]
async fn an_outcome_whose_writing_was_not_answered_is_unknown_though_the_key_is_gone() {
    let (key, store) = (key("1"), Failing { lost_completions: AtomicU32::new(1), ..Failing::default() });
    let manager = IdempotencyManager::new(store);
    let work = |_| async { Ok::<_, IdempotencyConflict>(1) };
    assert_eq!(manager.execute(&key, A, work).await, Err(IdempotencyConflict::OutcomeUnknown));
    assert_eq!(manager.execute(&key, A, work).await, Ok(Executed { value: 1, replayed: true }));
}

#[tokio::test(start_paused = true)]
async fn work_whose_lease_is_lost_goes_on_and_that_is_told_once() {
    let told = Told::default();
    let manager = IdempotencyManager::new(Failing { forgets: true, ..Failing::default() });
    let manager = manager.with_observers(told.observers());
    let work = |_| async {
        for _ in 0..3 {
            sleep(IdempotencyConfig::default().lease / 2).await;
        }
        Ok::<_, IdempotencyConflict>(1)
    };
    let done = manager.execute(&key("1"), A, work).await;
    assert!(matches!(done, Ok(Executed { value: 1, .. }) | Err(IdempotencyConflict::LostLease)), "{done:?}");
    assert_eq!(told.take(), [("idempotency".to_owned(), Observation::IdempotencyLeaseLost)]);
}

#[tokio::test(start_paused = true)]
async fn i14_without_its_store_nothing_is_done_unless_the_operation_says_so() {
    let (key, runs) = (key("1"), AtomicU32::new(0));
    let work = |execution: Execution| {
        runs.fetch_add(1, Ordering::SeqCst);
        async move {
            let point = execution.recovery_point("charged", 1.into()).await;
            assert_eq!(point, Err(IdempotencyConflict::StoreUnavailable));
            Ok::<_, IdempotencyConflict>(u32::try_from(execution.fence()).expect("small"))
        }
    };
    let closed = IdempotencyManager::new(Failing { begin: true, ..Failing::default() });
    assert_eq!(closed.execute(&key, A, work).await, Err(IdempotencyConflict::StoreUnavailable));
    assert_eq!(runs.load(Ordering::SeqCst), 0);
    let open = proceeding(Failing { begin: true, ..Failing::default() });
    assert_eq!(open.execute(&key, A, work).await, Ok(Executed { value: 0, replayed: false }));
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn who_proceeds_without_the_answer_keeps_the_key_from_others_until_the_end() {
    let manager = proceeding(Failing { lost_answers: AtomicU32::new(1), ..Failing::default() });
    let (on_store_failure, wait_timeout) = (StoreFailure::Proceed, Duration::ZERO);
    let manager = manager.configured(IdempotencyConfig { on_store_failure, wait_timeout, ..Default::default() });
    let (key, work) = (key("1"), |_| async { Ok::<_, IdempotencyConflict>(2) });
    let meanwhile = manager.execute(&key, A, work);
    let done = manager.execute(&key, A, |_| async {
        let refused = meanwhile.await.expect_err("the first has the key");
        assert!(matches!(refused, IdempotencyConflict::InProgress { .. }));
        Ok::<_, IdempotencyConflict>(1)
    });
    assert_eq!(done.await, Ok(Executed { value: 1, replayed: false }));
    assert_eq!(manager.execute(&key, A, work).await, Ok(Executed { value: 2, replayed: false }), "given back");
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_proceeds_returns_an_outcome_that_cannot_be_written_down() {
    let manager = proceeding(Failing { complete: true, ..Failing::default() });
    let done = manager.execute(&key("1"), A, |_| async { Ok::<_, IdempotencyConflict>(1) }).await;
    assert_eq!(done, Ok(Executed { value: 1, replayed: false }));
}

#[tokio::test(start_paused = true)]
async fn i14_work_that_goes_on_without_its_store_is_told() {
    for (store, step) in [
        (Failing { begin: true, ..Failing::default() }, "begin"),
        (Failing { complete: true, ..Failing::default() }, "complete"),
    ] {
        let told = Told::default();
        let manager = proceeding(store).with_name("orders").with_observers(told.observers());
        manager.execute(&key("1"), A, |_| async { Ok::<_, Error>(1) }).await.expect("done");
        assert_eq!(told.take(), [("orders".to_owned(), Observation::IdempotencyUnprotected { step })]);
    }
}

#[tokio::test(start_paused = true)]
async fn i8_one_renewal_that_hangs_does_not_cost_the_lease() {
    for renew_every in [10, 15].map(Duration::from_secs) {
        let manager = IdempotencyManager::new(Failing { renewal_hangs: true, ..Failing::default() });
        let manager = manager.configured(IdempotencyConfig { renew_every, ..IdempotencyConfig::default() });
        let (key, runs) = (key("1"), AtomicU32::new(0));
        let work = |_| count(&runs, Duration::from_secs(60));
        let first = manager.execute(&key, A, work);
        let second = async {
            sleep(Duration::from_secs(40)).await;
            manager.execute(&key, A, work).await
        };
        let (first, second) = tokio::join!(first, second);
        assert_eq!(first.expect("done").value, 1);
        assert_eq!(second.expect_err("under way").kind(), ErrorKind::InProgress);
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn managers_of_one_store_share_its_outcomes_whatever_their_settings() {
    let manager = manager::<u32>();
    let patient = manager.configured(IdempotencyConfig { wait_timeout: Duration::ZERO, ..Default::default() });
    let work = |_| async { Ok::<_, IdempotencyConflict>(1) };
    assert!(!manager.execute(&key("1"), A, work).await.expect("done").replayed);
    let other = patient.with_name("other");
    assert!(other.execute(&key("1"), A, work).await.expect("done").replayed);
    assert_eq!([manager.name(), other.name()], ["idempotency", "other"]);
}
