//! What tests of this crate's users need: a clock they own, a service they speak for, and the probe.
//!
//! * [`VirtualClock`]: monotonic and wall time that move only when told;
//! * [`MockService`]: a tower service whose other end, [`MockPartner`], is the test itself;
//! * [`probe`]: what every layer must pass.

mod clock;
mod mock_service;
pub mod probe;

pub use self::{
    clock::VirtualClock,
    mock_service::{Asked, MockFuture, MockPartner, MockService},
};
