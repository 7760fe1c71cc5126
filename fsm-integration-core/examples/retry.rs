//! A call that fails twice and then passes; a call that can never pass is not repeated.
//!
//! `cargo run -p fsm-integration-core --example retry`

use std::time::Duration;

use fsm_integration_core::{
    error::{Error, ErrorKind},
    layers::retry::{RetryBudget, RetryBudgetConfig, RetryConfig, RetryStrategy},
};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let config = RetryConfig { initial_delay: Duration::from_millis(20), ..RetryConfig::default() };
    // One budget for all that calls this partner, so that an outage is not answered with a storm.
    let budget = RetryBudget::new(RetryBudgetConfig::default());
    let strategy = RetryStrategy::new(config).with_name("pyxis").with_budget(budget);

    let booked = strategy.execute(|attempt| async move {
        println!("attempt {attempt}");
        if attempt < 2 { Err(Error::from(ErrorKind::Unavailable)) } else { Ok("booked") }
    });
    println!("{:?}", booked.await);

    let refused = strategy.execute(|attempt| async move {
        println!("attempt {attempt}");
        Err::<(), _>(Error::new(ErrorKind::InvalidRequest, "the date is missing"))
    });
    println!("{:?}", refused.await.map_err(|error| error.to_string()));
}
