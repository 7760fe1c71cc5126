//! The same payment asked for twice at the same time, and once more later: made once.
//!
//! `cargo run -p fsm-integration-core --example idempotency`

use std::sync::atomic::{AtomicU32, Ordering};

use fsm_integration_core::{
    error::{BoxError, Error},
    layers::idempotency::{Fingerprint, IdempotencyKey, IdempotencyManager, MemoryIdempotencyStore},
};

static PAYMENTS: AtomicU32 = AtomicU32::new(0);

async fn pay() -> Result<u32, Error> {
    tokio::task::yield_now().await;
    Ok(PAYMENTS.fetch_add(1, Ordering::Relaxed) + 1)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    // In one process; `SqliteIdempotencyStore` (feature `sqlite`) remembers across restarts.
    let manager = IdempotencyManager::new(MemoryIdempotencyStore::<u32>::default());
    let key = IdempotencyKey::new("acme", "payment.create", "PAY-1")?;
    let body = Fingerprint::of(br#"{"amount":"10.00"}"#);

    let (first, beside) =
        tokio::join!(manager.execute(&key, body, |_execution| pay()), manager.execute(&key, body, |_execution| pay()),);
    let later = manager.execute(&key, body, |_execution| pay()).await?;
    for (who, answer) in [("first", first?), ("beside it", beside?), ("later", later)] {
        println!("{who}: payment {}, replayed: {}", answer.value, answer.replayed);
    }

    let other = Fingerprint::of(br#"{"amount":"99.00"}"#);
    let refused = manager.execute(&key, other, |_execution| pay()).await;
    println!("another amount under the same key: {}", refused.err().ok_or("it must be refused")?);
    println!("payments made: {}", PAYMENTS.load(Ordering::Relaxed));
    Ok(())
}
