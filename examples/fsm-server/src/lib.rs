//! The whole field service flow in one binary.

#![deny(missing_docs)]

pub mod cli;
pub mod config;
pub mod edge;
pub mod scheduler;
pub mod telemetry;
