//! One request in five hangs; a second one, sent after 50 ms, answers instead.
//!
//! `cargo run -p fsm-integration-core --example hedge`

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use fsm_integration_core::{
    error::{BoxError, Error},
    layers::hedge::{Hedge, HedgeConfig},
};

async fn replica() -> Result<&'static str, Error> {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let hangs = ASKED.fetch_add(1, Ordering::Relaxed) % 5 == 4;
    tokio::time::sleep(Duration::from_millis(if hangs { 2_000 } else { 10 })).await;
    Ok("12.50")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    // Until enough answers are known for a percentile, the delay is this one.
    let hedge = Hedge::new(HedgeConfig { delay: Duration::from_millis(50), ..HedgeConfig::default() });
    for call in 1..=6 {
        let began = tokio::time::Instant::now();
        let price = hedge.execute(|_request| replica()).await?;
        println!("{call}: {price} after {} ms", began.elapsed().as_millis());
    }
    Ok(())
}
