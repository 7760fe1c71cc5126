//! The partner that knows prices is down: the last known price answers; a question that is wrong is told so.
//!
//! `cargo run -p fsm-integration-core --example fallback`

use fsm_integration_core::{
    error::{Error, ErrorKind},
    layers::fallback::Fallback,
};

async fn price(sku: &str) -> Result<&'static str, Error> {
    tokio::task::yield_now().await;
    Err(match sku {
        "" => Error::new(ErrorKind::InvalidRequest, "which article?"),
        _ => Error::new(ErrorKind::Unavailable, "the partner answered 503"),
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let last_known = Fallback::new(|_error: Error| Ok("12.50 (as of yesterday)")).with_name("prices");
    for sku in ["SKU-1", ""] {
        match last_known.execute(price(sku)).await {
            Ok(price) => println!("{sku:?}: {price}"),
            Err(error) => println!("{sku:?}: {error}"),
        }
    }
}
