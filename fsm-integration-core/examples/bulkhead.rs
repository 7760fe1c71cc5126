//! Two calls under way, one that waits its turn, one too many.
//!
//! `cargo run -p fsm-integration-core --example bulkhead`

use std::time::Duration;

use fsm_integration_core::{
    error::{BoxError, Error},
    layers::bulkhead::Bulkhead,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    // Two at once, one in the queue.
    let bulkhead = Bulkhead::new(2, 1);
    let call = |name: &'static str| {
        let bulkhead = bulkhead.clone();
        async move {
            let answer = bulkhead.call(async {
                println!("{name} begins");
                tokio::time::sleep(Duration::from_millis(50)).await;
                Ok::<_, Error>(())
            });
            match answer.await {
                Ok(()) => println!("{name} ends"),
                Err(refusal) => println!("{name}: {refusal}"),
            }
        }
    };
    tokio::join!(call("one"), call("two"), call("three"), call("four"));
    Ok(())
}
