//! Answers refusals where the service cannot fail, as those of axum cannot.
//!
//! Under a [`RespondLayer`] the service's error is [`OrRefusal`]: its own, or a refusal of the layers between. So one layer
//! does it for every other one and for any stack of them, and none of those has to know.

mod error;
mod future;
mod layer;
mod service;
#[cfg(test)]
mod tests;

pub use self::{
    error::OrRefusal,
    future::{RefusableFuture, RespondFuture},
    layer::RespondLayer,
    service::{Refusable, RespondService},
};
