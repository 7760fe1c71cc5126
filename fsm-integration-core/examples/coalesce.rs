//! A hundred callers ask for one price at once; the partner is asked once.
//!
//! `cargo run -p fsm-integration-core --example coalesce`

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use fsm_integration_core::{
    error::{BoxError, Error},
    layers::coalesce::Coalesce,
};

static ASKED: AtomicU32 = AtomicU32::new(0);

async fn partner() -> Result<&'static str, Error> {
    ASKED.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(20)).await;
    Ok("12.50")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let prices = Coalesce::default();
    let callers = (0..100).map(|_| {
        let prices = prices.clone();
        // Only what is the same for everybody with the same key: put tenant and rights into it.
        tokio::spawn(async move { prices.call("acme/SKU-1", partner).await })
    });
    for caller in callers.collect::<Vec<_>>() {
        assert_eq!(caller.await??, "12.50");
    }
    println!("100 callers, the partner was asked {} time(s)", ASKED.load(Ordering::Relaxed));
    Ok(())
}
