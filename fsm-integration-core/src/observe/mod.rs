//! What others see: health, metrics, traces.

pub mod health;
pub mod metrics;
