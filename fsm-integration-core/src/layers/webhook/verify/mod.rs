mod body;
mod future;
mod layer;
mod remembered;
mod service;

pub use self::{
    body::{Buffered, InMemory, ReadBody, Reading},
    future::VerifyFuture,
    layer::VerifyLayer,
    service::VerifyService,
};
