//! The whole field service flow in one binary.

#![deny(missing_docs)]

pub mod scheduler;
