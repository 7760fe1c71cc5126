//! A partner that is down, and then well again: refused without being asked, probed, let through.
//!
//! `cargo run -p fsm-integration-core --example circuit_breaker`

use std::time::Duration;

use fsm_integration_core::{
    error::{Error, ErrorKind},
    layers::circuit_breaker::{CircuitBreaker, CircuitBreakerConfig},
};

async fn partner(well: bool) -> Result<&'static str, Error> {
    tokio::task::yield_now().await;
    if well { Ok("the order is booked") } else { Err(Error::new(ErrorKind::Unavailable, "the partner answered 503")) }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let breaker = CircuitBreaker::new(
        "pyxis",
        CircuitBreakerConfig {
            failure_threshold: 3,
            success_threshold: 1,
            reset_timeout: Duration::from_millis(100),
            ..CircuitBreakerConfig::default()
        },
    );
    for call in 1..=6 {
        // The partner is well from the sixth call on.
        if call == 6 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        match breaker.call(partner(call == 6)).await {
            Ok(answer) => println!("{call}: {answer}; the breaker is {}", breaker.state().label()),
            Err(error) => println!("{call}: {error}; the breaker is {}", breaker.state().label()),
        }
    }
}
