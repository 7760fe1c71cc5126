use super::*;
use crate::observe::{Observation, Told};

fn told<T: Clone + Send + 'static>() -> (Manager<T>, Told) {
    let told = Told::default();
    (manager().with_name("orders").with_observers(told.observers()), told)
}

fn of_orders<const N: usize>(observations: [Observation; N]) -> Vec<(String, Observation)> {
    observations.map(|observation| ("orders".to_owned(), observation)).into()
}

#[tokio::test(start_paused = true)]
async fn a_first_call_tells_nothing_and_a_replay_is_told() {
    let (manager, told) = told();
    let work = |_| async { Ok::<_, Error>(1) };
    manager.execute(&key("1"), A, work).await.expect("done");
    assert_eq!(told.take(), []);
    manager.execute(&key("1"), A, work).await.expect("done");
    assert_eq!(told.take(), of_orders([Observation::IdempotencyReplayed]));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_with_its_reason() {
    let (manager, told) = told();
    let key = key("1");
    let mut leader = std::pin::pin!(manager.execute(&key, A, |_| pending::<Result<u32, Error>>()));
    assert!(futures_util::poll!(leader.as_mut()).is_pending());
    for fingerprint in [B, A] {
        assert!(manager.execute(&key, fingerprint, |_| async { Ok::<_, Error>(2) }).await.is_err());
    }
    let reasons = ["mismatch", "in_progress"].map(|reason| Observation::IdempotencyRefused { reason });
    assert_eq!(told.take(), of_orders(reasons));
}

#[tokio::test(start_paused = true)]
async fn i8_a_lost_lease_is_told_once_and_the_outcome_is_not_passed_off_as_done() {
    let (manager, told) = told::<u32>();
    // Noticed at the completion, and by a renewal before it.
    for takes in [Duration::ZERO, Duration::from_secs(20)] {
        let key = key(&takes.as_secs().to_string());
        let work = |execution: Execution| {
            let (manager, key) = (&manager, &key);
            async move {
                rob(manager.store(), key, execution.lease().owner).await;
                sleep(takes).await;
                Ok::<_, IdempotencyConflict>(1)
            }
        };
        assert_eq!(manager.execute(&key, A, work).await, Err(IdempotencyConflict::LostLease));
        assert_eq!(told.take(), of_orders([Observation::IdempotencyLeaseLost]));
    }
}

/// Ends the owner's lease and begins as somebody else, as after a long stop of the whole process.
async fn rob(store: &MemoryIdempotencyStore<u32>, key: &IdempotencyKey, owner: Owner) {
    assert_eq!(store.renew(key, owner, Duration::ZERO).await.expect("asked"), StoreOutcome::Stored);
    let robber = store.begin(key, A, Owner::random(), Duration::from_secs(600)).await;
    assert!(matches!(robber, Ok(Begin::Won(_))), "{robber:?}");
}
