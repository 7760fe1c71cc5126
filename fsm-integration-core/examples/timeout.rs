//! A partner that hangs: each attempt is given up after 50 ms, the whole call after 120 ms.
//!
//! `cargo run -p fsm-integration-core --example timeout`

use std::{future::pending, time::Duration};

use fsm_integration_core::{
    error::BoxError,
    layers::{
        retry::{RetryConfig, RetryLayer, RetryStrategy},
        timeout::{DeadlineLayer, TimeoutLayer},
    },
};
use tower::{Service, ServiceBuilder, ServiceExt};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let retry = RetryConfig { initial_delay: Duration::from_millis(10), ..RetryConfig::default() };
    let mut partner = ServiceBuilder::new()
        .layer(DeadlineLayer::new(Duration::from_millis(120)))
        .layer(RetryLayer::new(RetryStrategy::new(retry)))
        .layer(TimeoutLayer::new(Duration::from_millis(50)))
        .service_fn(async |request: http::Request<String>| {
            println!("{} {}", request.method(), request.uri());
            pending::<Result<http::Response<String>, BoxError>>().await
        });

    let refusal = partner.ready().await?.call(http::Request::get("/orders/7").body(String::new())?).await;
    println!("{}", refusal.err().ok_or("it hangs")?);
    Ok(())
}
