//! Typed events, what travels with them, and the bytes they become.
//!
//! ```text
//! a struct of `catalogue`  --codec-->  Avro bytes  --envelope-->  a record: topic, key, headers, payload
//! ```
//!
//! [`Topic`], [`Headers`] and [`Envelope`] need no feature; the typed events, their schemas and the codec
//! come with `avro`. The bytes are the same on every bus: Confluent's wire format.

#[cfg(feature = "avro")]
mod amount;
#[cfg(feature = "avro")]
pub mod catalogue;
#[cfg(feature = "avro")]
pub mod codec;
#[cfg(feature = "sqlite")]
pub mod consumer;
#[cfg(feature = "avro")]
mod currency;
#[cfg(feature = "sqlite")]
pub mod dead_letter;
mod envelope;
mod headers;
mod key;
#[cfg(feature = "sqlite")]
pub mod log;
mod topic;

#[cfg(feature = "avro")]
pub use self::{
    amount::{Amount, InvalidAmount},
    catalogue::Event,
    currency::{Currency, InvalidCurrency},
};
pub use self::{
    envelope::{Envelope, header},
    headers::{Headers, HeadersFull},
    key::{derived_id, netstrings},
    topic::{InvalidTopic, Topic},
};
