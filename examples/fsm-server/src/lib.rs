//! The whole field service flow in one binary.
//!
//! * [`cli`], [`config`], [`telemetry`]: what a person starts it with;
//! * [`edge`]: what every request passes; [`routes`]: what it can ask for;
//! * [`flow`]: the story, one file a service; [`scheduler`]: who comes when; [`store`]: what is kept;
//! * [`partners`]: the other companies' systems under the stack of layers;
//! * [`ops`]: what operators and monitoring see and do.

#![deny(missing_docs)]

pub mod cli;
pub mod clock;
pub mod config;
pub mod crash;
pub mod edge;
pub mod flow;
pub mod ops;
pub mod partners;
pub mod scheduler;
pub mod store;
pub mod telemetry;
