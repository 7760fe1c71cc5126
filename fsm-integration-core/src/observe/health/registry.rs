use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Instant};

use parking_lot::RwLock;
use tokio::task::JoinSet;

use super::{CheckReport, Health, HealthConfig, HealthReport, HealthStatus};
use crate::clock::{Clock, SystemClock, WallClock};

type Check = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = HealthStatus> + Send>> + Send + Sync>;

/// Whether the service can do its work without a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Criticality {
    /// Without it the service is unhealthy and not ready.
    Critical,
    /// Without it the service is degraded, and ready.
    Optional,
}

/// Named checks and their last findings; clones share both.
#[derive(Clone)]
pub struct HealthRegistry<C = SystemClock> {
    shared: Arc<Shared<C>>,
}

struct Shared<C> {
    checks: RwLock<Vec<Named>>,
    /// Held while the checks run, so that many askers cause one run.
    last: tokio::sync::Mutex<Option<(Instant, HealthReport)>>,
    config: HealthConfig,
    clock: C,
}

#[derive(Clone)]
struct Named {
    name: Arc<str>,
    criticality: Criticality,
    check: Check,
}

impl Default for HealthRegistry {
    fn default() -> Self {
        Self::with_clock(HealthConfig::default(), SystemClock)
    }
}

impl<C: Clock + WallClock> HealthRegistry<C> {
    /// Creates a registry that tells the time by `clock`.
    #[must_use]
    pub fn with_clock(config: HealthConfig, clock: C) -> Self {
        let (checks, last) = (RwLock::default(), tokio::sync::Mutex::default());
        Self { shared: Arc::new(Shared { checks, last, config, clock }) }
    }

    /// Adds a check, or replaces the one of the same name; the next run of the checks includes it.
    pub fn register<F, Fut>(&self, name: impl Into<Arc<str>>, criticality: Criticality, check: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = HealthStatus> + Send + 'static,
    {
        let named = Named { name: name.into(), criticality, check: Arc::new(move || Box::pin(check())) };
        let mut checks = self.shared.checks.write();
        match checks.iter_mut().find(|other| other.name == named.name) {
            Some(other) => *other = named,
            None => checks.push(named),
        }
    }

    /// The present findings: those of the last few seconds, or of a new run.
    ///
    /// # Cancel safety
    /// Dropping the future drops the checks that it runs; the next caller runs them anew.
    pub async fn report(&self) -> HealthReport {
        let mut last = self.shared.last.lock().await;
        let now = self.shared.clock.now();
        if let Some((at, report)) = &*last
            && now.saturating_duration_since(*at) < self.shared.config.cache
        {
            return report.clone();
        }
        let report = self.run().await;
        *last = Some((self.shared.clock.now(), report.clone()));
        report
    }

    /// Runs all checks together.
    async fn run(&self) -> HealthReport {
        let checks = self.shared.checks.read().clone();
        let mut runs = JoinSet::new();
        for named in checks {
            let registry = self.clone();
            runs.spawn(async move {
                let status = registry.run_one(&named).await;
                (named.name.to_string(), CheckReport { status, criticality: named.criticality })
            });
        }
        let checks = runs.join_all().await.into_iter().collect();
        HealthReport::new(checks, self.shared.clock.timestamp())
    }

    /// Runs one check within its limit; a panic is a finding. The latency is measured here, whatever the check says.
    async fn run_one(&self, named: &Named) -> HealthStatus {
        let began = self.shared.clock.now();
        let check = Arc::clone(&named.check);
        // A task of its own, so that a panic ends there; dropped, the set ends the task.
        let mut guarded = JoinSet::new();
        guarded.spawn(async move { check().await });
        let limit = self.shared.config.timeout;
        let mut status = match tokio::time::timeout(limit, guarded.join_next()).await {
            Ok(Some(Ok(status))) => status,
            Ok(_) => {
                tracing::error!(check = %named.name, "health.check_panicked");
                HealthStatus::unhealthy("the check panicked")
            }
            Err(_) => HealthStatus::unhealthy(format!("no answer within {limit:?}")),
        };
        status.latency = self.shared.clock.now().saturating_duration_since(began);
        status.checked_at = self.shared.clock.timestamp();
        status
    }
}

impl<C> fmt::Debug for HealthRegistry<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.shared.checks.read().iter().map(|named| Arc::clone(&named.name)).collect();
        f.debug_struct("HealthRegistry").field("checks", &names).finish_non_exhaustive()
    }
}

/// The worst that the findings make of the whole.
pub(super) fn aggregate<'a>(checks: impl Iterator<Item = &'a CheckReport>) -> Health {
    let weight = |check: &CheckReport| match (check.status.health, check.criticality) {
        (Health::Unhealthy, Criticality::Optional) => Health::Degraded,
        (health, _) => health,
    };
    checks.map(weight).max().unwrap_or(Health::Healthy)
}
