mod future;
mod layer;
mod policy;
mod service;

pub use self::{
    future::InboundRateLimitFuture, layer::InboundRateLimitLayer, policy::RateLimitPolicy,
    service::InboundRateLimitService,
};
