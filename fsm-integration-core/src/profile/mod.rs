//! Presets for the usual kinds of partner, and the one function that stacks the layers in order.
//!
//! ```
//! use fsm_integration_core::{error::Error, profile::{Handles, Profile, stack}};
//! use tower::{ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let config = Profile::ErpSystem.config();
//! let handles = Handles::new("erp-invoices", "1.0.0", &config);
//! let client = service_fn(|_: http::Request<String>| async { Ok::<_, Error>(http::Response::new("done")) });
//! let partner = stack(&config, &handles, client);
//! let answer = partner.oneshot(http::Request::new(String::new())).await.unwrap();
//! assert_eq!(answer.into_body(), "done");
//! # }
//! ```

mod config;
mod handles;
mod order;
mod preset;

pub use self::{
    config::{BucketConfig, OutboundConfig},
    handles::Handles,
    order::{Protected, describe, stack, stack_leaked},
    preset::Profile,
};

#[cfg(test)]
mod tests;
