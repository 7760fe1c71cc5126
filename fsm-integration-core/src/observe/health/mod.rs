//! How a part is, and how the whole is: checks that are bounded, cached and cannot take each other down.
//!
//! A [`HealthRegistry`] runs named checks together, gives each a time limit and remembers the findings for a few
//! seconds (requirement H4). A failing critical check makes the whole unhealthy and not ready; a failing partner
//! that is not critical makes it degraded, no more (requirement H2, flaw F-H1). Liveness asks nothing of this.
//!
//! ```
//! use fsm_integration_core::observe::health::{Criticality, Health, HealthRegistry, HealthStatus};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let registry = HealthRegistry::default();
//! registry.register("store", Criticality::Critical, || async { HealthStatus::healthy() });
//! registry.register("pyxis", Criticality::Optional, || async { HealthStatus::unhealthy("no answer") });
//!
//! let report = registry.report().await;
//! assert_eq!(report.status, Health::Degraded);
//! assert!(report.ready);
//! # }
//! ```

mod config;
mod registry;
mod report;
mod status;

#[cfg(test)]
mod tests;

pub use self::{
    config::HealthConfig,
    registry::{Criticality, HealthRegistry},
    report::{CheckReport, HealthReport},
    status::{Health, HealthStatus},
};
