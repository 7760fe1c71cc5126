//! JSON from outside, read strictly; JSON to compare, written canonically.
//!
//! [`parse`] refuses what two readers could understand in two ways: invalid UTF-8, duplicate keys, anything after
//! the value. Depth and the number of values are bounded, and an error names the place, never what stands there.
//!
//! [`canonical`] writes a value by RFC 8785 (JCS), so that two bodies that differ only in white space, key order or
//! number notation are the same text, and [`fingerprint`] is the SHA-256 of it.

mod canonical;
mod error;
mod parse;

pub use self::{
    canonical::{canonical, fingerprint},
    error::{JsonError, JsonFault},
    parse::{JsonLimits, parse},
};
