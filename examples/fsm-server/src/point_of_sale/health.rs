//! How the integration is: the API asked, the last runs looked at.

use std::time::{Duration, Instant};

use fsm_adapters_conexxus::{SyncHistory, SyncRun, SyncStatus};
use fsm_integration_core::{
    adapter::IntegrationAdapter,
    clock::{Clock, SystemClock},
    error::Result,
    observe::health::{Health, HealthStatus},
};
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::Mutex;

use super::{BackOffice, PointOfSale};
use crate::store::inventory::RunKind;

/// How long the API may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long its answer serves (requirement H4): asking often must not use up the partner's rate limit.
const FRESH: Duration = Duration::from_secs(5);

/// The API's last answer to how it is.
#[derive(Default)]
pub(super) struct Probe(Mutex<Option<(Instant, HealthStatus)>>);

/// The body of the health route, as in the guide.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HealthReport {
    /// `healthy`, `degraded`, `unhealthy` or `disabled`.
    pub(super) status: &'static str,
    is_healthy: bool,
    last_sync_time: Option<Timestamp>,
    last_sync_status: Option<SyncStatus>,
    last_error: Option<String>,
    api_connection: bool,
}

impl PointOfSale {
    pub(super) async fn health(&self) -> Result<HealthReport> {
        let (syncs, pushes) = (self.history(RunKind::Inventory).await?, self.history(RunKind::Sales).await?);
        let office = match &self.0.office {
            Ok(office) => office,
            Err(reason) => return Ok(report("disabled", &syncs, Some(reason.clone()), false)),
        };
        let api = self.0.probe.ask(office).await;
        let answers = api.health != Health::Unhealthy;
        let pushed = pushes.latest().and_then(|run| run.failure.as_ref()).map(|error| format!("sales push: {error}"));
        let mut health = syncs.health(answers, self.0.clock.timestamp()).max(api.health);
        if pushed.is_some() {
            health = health.max(Health::Degraded);
        }
        let error = api.message.or(pushed).or_else(|| syncs.latest().and_then(error_of));
        Ok(report(word(health), &syncs, error, answers))
    }

    /// Asks the API now.
    pub(super) async fn test_connection(&self) -> Result<HealthStatus> {
        Ok(ask(self.office()?).await)
    }
}

impl Probe {
    /// Those who ask at the same time get the same answer.
    async fn ask(&self, office: &BackOffice) -> HealthStatus {
        let mut last = self.0.lock().await;
        match &*last {
            Some((at, status)) if SystemClock.now().duration_since(*at) < FRESH => status.clone(),
            _ => {
                let status = ask(office).await;
                *last = Some((SystemClock.now(), status.clone()));
                status
            }
        }
    }
}

async fn ask(office: &BackOffice) -> HealthStatus {
    match tokio::time::timeout(PATIENCE, office.inventory.adapter().health_check()).await {
        Ok(status) => status,
        Err(_) => HealthStatus {
            latency: PATIENCE,
            ..HealthStatus::unhealthy(format!("Conexxus API request timeout after {}ms", PATIENCE.as_millis()))
        },
    }
}

fn report(status: &'static str, syncs: &SyncHistory, last_error: Option<String>, api_connection: bool) -> HealthReport {
    HealthReport {
        status,
        is_healthy: status == word(Health::Healthy),
        last_sync_time: syncs.latest().map(|run| run.end_time),
        last_sync_status: syncs.latest().map(SyncRun::status),
        last_error,
        api_connection,
    }
}

const fn word(health: Health) -> &'static str {
    match health {
        Health::Healthy => "healthy",
        Health::Degraded => "degraded",
        Health::Unhealthy => "unhealthy",
    }
}

/// Why a run was no full success.
fn error_of(run: &SyncRun) -> Option<String> {
    let items = || {
        let first = run.errors.first()?;
        Some(format!("{} of {} items failed, {}: {}", run.items_failed, run.items_processed, first.item, first.error))
    };
    run.failure.clone().or_else(items)
}
