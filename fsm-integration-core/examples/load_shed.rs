//! A service that takes one call at a time: with tower's limit alone the next caller waits, with the layer it is told.
//!
//! `cargo run -p fsm-integration-core --example load_shed`

use std::time::Duration;

use fsm_integration_core::{error::BoxError, layers::load_shed::LoadShedLayer};
use tower::{Service, ServiceBuilder, ServiceExt, limit::ConcurrencyLimitLayer};

async fn print(page: &'static str) -> Result<&'static str, BoxError> {
    tokio::time::sleep(Duration::from_millis(20)).await;
    Ok(page)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let printer = ServiceBuilder::new()
        .layer(LoadShedLayer::new().with_name("printer"))
        .layer(ConcurrencyLimitLayer::new(1))
        .service_fn(print);
    let (mut one, mut other) = (printer.clone(), printer);
    let first = one.ready().await?.call("page 1");
    match other.ready().await?.call("page 2").await {
        Ok(page) => println!("{page}: printed"),
        Err(refusal) => println!("page 2: {refusal}"),
    }
    println!("{}: printed", first.await?);
    Ok(())
}
