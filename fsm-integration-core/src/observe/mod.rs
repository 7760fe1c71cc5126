//! What others see: every decision of the protections, health, metrics, traces.
//!
//! The protections tell their [`Observers`] what they decide; [`MetricsObserver`] and [`TracingObserver`] listen unless
//! told otherwise, and your own [`Observer`] beside them.

mod circuit_state;
pub mod health;
mod keys;
mod listening;
pub mod metrics;
mod metrics_observer;
mod observation;
mod observer;
#[cfg(test)]
pub(crate) mod recorder;
#[cfg(test)]
mod tests;
mod tracing_observer;

pub(crate) use self::listening::Listening;
#[cfg(test)]
#[allow(unused_imports, reason = "the layers' tests follow")]
pub(crate) use self::observer::tests::Told;
pub use self::{
    circuit_state::CircuitState,
    metrics_observer::MetricsObserver,
    observation::Observation,
    observer::{Observer, Observers},
    tracing_observer::TracingObserver,
};
