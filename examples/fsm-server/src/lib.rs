//! The whole field service flow in one binary.
//!
//! * [`cli`], [`config`], [`telemetry`]: what a person starts it with;
//! * [`edge`]: what every request passes; [`routes`]: what it can ask for;
//! * [`flow`]: the story, one file a service; [`scheduler`]: who comes when; [`store`]: what is kept;
//! * [`partners`]: the other companies' systems under the stack of layers;
//! * [`point_of_sale`]: what is due at the back office, hourly and daily.
//! * [`ops`]: what operators and monitoring see and do.

#![deny(missing_docs)]
#![forbid(unsafe_code)]

pub mod cli;
pub mod clock;
pub mod config;
pub mod crash;
pub mod demo;
pub mod edge;
pub mod flow;
pub mod ops;
pub mod partners;
pub mod point_of_sale;
pub mod routes;
pub mod scheduler;
pub mod secrets;
pub mod serve;
pub mod store;
pub mod telemetry;
