//! A server that is quick for eight calls at once and slow beyond: the limit finds out.
//!
//! `cargo run -p fsm-integration-core --example adaptive_concurrency`

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use fsm_integration_core::{
    error::{BoxError, Error},
    layers::adaptive_concurrency::{AdaptiveConcurrency, AdaptiveConcurrencyConfig, AimdConfig, LimitAlgorithm},
};

static BUSY: AtomicU32 = AtomicU32::new(0);

async fn server() -> Result<(), Error> {
    let busy = BUSY.fetch_add(1, Ordering::Relaxed) + 1;
    tokio::time::sleep(Duration::from_millis(10) * busy.div_ceil(8).pow(2)).await;
    BUSY.fetch_sub(1, Ordering::Relaxed);
    Ok(())
}

// Virtual time: 20 seconds of traffic in a moment.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), BoxError> {
    // A call of more than 20 ms is too slow: a tenth off the limit; else it creeps up.
    let rule = AimdConfig { latency_threshold: Duration::from_millis(20), ..AimdConfig::default() };
    let config = AdaptiveConcurrencyConfig { algorithm: LimitAlgorithm::Aimd(rule), ..Default::default() };
    let limit = AdaptiveConcurrency::new(config);
    println!("it begins at {}", limit.limit());
    for second in 1..=20 {
        let until = tokio::time::Instant::now() + Duration::from_secs(1);
        let callers = (0..100).map(|_| {
            let limit = limit.clone();
            tokio::spawn(async move {
                while tokio::time::Instant::now() < until {
                    if limit.call(server()).await.is_err() {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                }
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await?;
        }
        if second % 5 == 0 {
            println!("after {second} s: {}", limit.limit());
        }
    }
    Ok(())
}
