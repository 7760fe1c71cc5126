use serde_json::json;

use super::*;

/// Charges, records it, and ships unless told to fail before.
async fn order(execution: Execution, charges: &AtomicU32, ships: bool) -> Result<u32, Error> {
    let charge = match execution.resumed_at("charged") {
        Some(data) => data["charge"].as_u64().expect("a number") as u32,
        None => {
            let charge = charges.fetch_add(1, Ordering::SeqCst) + 1;
            execution.recovery_point("charged", json!({ "charge": charge })).await?;
            charge
        }
    };
    if ships { Ok(charge) } else { Err(ErrorKind::Timeout.into()) }
}

pub(super) async fn a_later_owner_resumes<S: IdempotencyStore<u32>>(store: S) {
    let (manager, key, charges) = (IdempotencyManager::new(store), key("resumed"), AtomicU32::new(0));
    for ships in [false, false] {
        assert!(manager.execute(&key, A, |execution| order(execution, &charges, ships)).await.is_err());
    }
    let other = manager.execute(&key, B, |_| async { Ok::<_, IdempotencyConflict>(9) }).await;
    assert_eq!(other, Err(IdempotencyConflict::Mismatch), "what was charged belongs to the first payload");
    let done = manager.execute(&key, A, |execution| order(execution, &charges, true)).await.expect("shipped");
    assert_eq!(done, Executed { value: 1, replayed: false });
    assert!(manager.execute(&key, A, |_| async { Ok::<_, Error>(9) }).await.expect("stored").replayed);
    assert_eq!(charges.load(Ordering::SeqCst), 1);
}

pub(super) async fn a_former_owner_records_nothing<S: IdempotencyStore<u32>>(store: S) {
    let (manager, key) = (IdempotencyManager::new(store), key("refused"));
    let kept = Mutex::new(None);
    let first = manager.execute(&key, A, |execution| async {
        execution.recovery_point("charged", json!(1)).await?;
        *kept.lock() = Some(execution);
        Err::<u32, Error>(ErrorKind::Timeout.into())
    });
    assert!(first.await.is_err());
    let former = kept.lock().take().expect("kept");
    let (former, refused) = (&former, || former.recovery_point("shipped", json!(2)));
    assert_eq!(refused().await, Err(IdempotencyConflict::LostLease), "given back");
    let second = manager.execute(&key, A, |execution| async move {
        assert_eq!(refused().await, Err(IdempotencyConflict::LostLease), "somebody else's");
        assert!(execution.fence() > former.fence());
        assert_eq!(execution.resumed().map(|point| (&*point.name, &point.data)), Some(("charged", &json!(1))));
        Ok::<_, Error>(2)
    });
    assert_eq!(second.await.expect("done").value, 2);
}

#[tokio::test(start_paused = true)]
async fn i9_a_later_owner_resumes_from_the_recovery_point_in_memory() {
    a_later_owner_resumes(MemoryIdempotencyStore::default()).await;
}

#[tokio::test(start_paused = true)]
async fn a_former_owner_records_no_recovery_point_in_memory() {
    a_former_owner_records_nothing(MemoryIdempotencyStore::default()).await;
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_owner_leaves_its_recovery_point_to_whoever_waits() {
    let (manager, key, charges) = (manager::<u32>(), key("1"), AtomicU32::new(0));
    let cancelled = manager.execute(&key, A, |execution| async {
        order(execution, &charges, true).await?;
        pending::<Result<u32, Error>>().await
    });
    let follower = manager.execute(&key, A, |execution| order(execution, &charges, true));
    let (cancelled, follower) = tokio::join!(timeout(Duration::from_secs(1), cancelled), follower);
    assert!(cancelled.is_err());
    assert_eq!(follower.expect("resumed").value, 1);
    assert_eq!(charges.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_recovery_point_ends_with_the_time_to_live() {
    let store = MemoryIdempotencyStore::new(10, Duration::from_secs(60));
    let (manager, key, charges) = (IdempotencyManager::new(store), key("1"), AtomicU32::new(0));
    assert!(manager.execute(&key, A, |execution| order(execution, &charges, false)).await.is_err());
    sleep(Duration::from_secs(60)).await;
    let anew = manager.execute(&key, B, |execution| order(execution, &charges, true)).await.expect("a new payload");
    assert_eq!((anew.value, anew.replayed), (2, false));
}
