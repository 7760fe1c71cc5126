//! A bucket of two tokens that refills ten times a second: refused at once, or served in turn.
//!
//! `cargo run -p fsm-integration-core --example rate_limit`

use std::{num::NonZeroU32, time::Duration};

use fsm_integration_core::{
    error::BoxError,
    layers::rate_limit::{Quota, RateLimitLayer, TokenBucket},
};
use tower::{Service, ServiceBuilder, ServiceExt};

async fn send(sms: &'static str) -> Result<&'static str, BoxError> {
    Ok(sms)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let quota = Quota::per_second(NonZeroU32::new(2).ok_or("not zero")?, NonZeroU32::new(10).ok_or("not zero")?);
    // One bucket for the account that the gateway counts, however many stacks call it.
    let bucket = TokenBucket::new(quota);

    let mut at_once = ServiceBuilder::new().layer(RateLimitLayer::new(bucket.clone())).service_fn(send);
    for sms in ["one", "two", "three"] {
        match at_once.ready().await?.call(sms).await {
            Ok(sent) => println!("{sent}: sent"),
            Err(refusal) => println!("{sms}: {refusal}"),
        }
    }

    let in_turn = RateLimitLayer::new(bucket).wait(Duration::from_secs(1), 100);
    let mut in_turn = ServiceBuilder::new().layer(in_turn).service_fn(send);
    let calls = ["four", "five", "six"].map(|sms| in_turn.call(sms));
    for call in calls {
        println!("{}: sent in its turn", call.await?);
    }
    Ok(())
}
