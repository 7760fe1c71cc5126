//! When the work is done; both schedules wait on the wall clock.

use std::time::Duration;

use fsm_adapters_conexxus::next_sync;
use fsm_integration_core::error::{ErrorKind, Result};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{BackOffice, PointOfSale, with_causes};
use crate::store::inventory::RunKind;

/// The wait after a push that failed; it doubles.
const FIRST_WAIT: Duration = Duration::from_secs(5 * 60);
/// The longest wait after pushes that failed.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

impl PointOfSale {
    /// Syncs hourly and when asked, pushes daily, until the shutdown.
    ///
    /// What fell due while the server was down is done at once: one sync for all hours missed, one push for each day.
    ///
    /// # Cancel safety
    /// The shutdown drops the work under way, which is done again at the next start.
    pub async fn run(&self, shutdown: CancellationToken) {
        let work = async {
            match self.office() {
                Ok(office) => drop(tokio::join!(self.sync_hourly(office), self.push_daily(office))),
                Err(_) => std::future::pending().await,
            }
        };
        shutdown.run_until_cancelled(work).await;
    }

    /// Has [`run`](Self::run) sync soon; several requests before it begins are one.
    pub(super) fn ask_for_sync(&self) -> Result<()> {
        self.office()?;
        self.0.sync_asked.notify_one();
        Ok(())
    }

    async fn sync_hourly(&self, office: &BackOffice) {
        let mut due = self.first_sync(office).await;
        loop {
            tokio::select! {
                () = self.0.clock.sleep_until(due) => {}
                () = self.0.sync_asked.notified() => {}
            }
            due = next_sync(self.0.clock.timestamp(), office.location());
            match self.sync_inventory().await {
                Err(error) if error.kind() != ErrorKind::InProgress => {
                    let error = with_causes(&error);
                    tracing::error!(error = %error, due_at = %due, "Conexxus inventory sync could not be recorded");
                }
                _ => {}
            }
        }
    }

    /// The first hour after the last run, at once when that is past or there was none.
    async fn first_sync(&self, office: &BackOffice) -> Timestamp {
        let now = self.0.clock.timestamp();
        let last = self.history(RunKind::Inventory).await.ok().and_then(|runs| Some(runs.latest()?.start_time));
        last.map_or(now, |last| next_sync(last.min(now), office.location()))
    }

    async fn push_daily(&self, office: &BackOffice) {
        let mut failures = 0;
        loop {
            let wake = match self.push_due(office).await {
                Ok(done) => {
                    failures = 0;
                    done.tomorrow().map_or(Timestamp::MAX, |next| office.days().due(next))
                }
                Err(error) => {
                    let wait = wait_after(failures, error.retry_after());
                    failures += 1;
                    let due = self.0.clock.timestamp().checked_add(wait).unwrap_or(Timestamp::MAX);
                    let error = with_causes(&error);
                    tracing::error!(error = %error, failures, due_at = %due, "Conexxus sales push failed, will be tried again");
                    due
                }
            };
            self.0.clock.sleep_until(wake).await;
        }
    }
}

/// How long to wait after a failure: twice as long after each, or what the other side asks for, an hour at most.
fn wait_after(failures: u32, hint: Option<Duration>) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1 << failures.min(16));
    doubled.max(hint.unwrap_or_default()).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour_and_heed_the_hint() {
        let minutes = |failures, hint: Option<u64>| wait_after(failures, hint.map(Duration::from_secs)).as_secs() / 60;
        assert_eq!([0, 1, 2, 3, 4, 5, u32::MAX].map(|failures| minutes(failures, None)), [5, 10, 20, 40, 60, 60, 60]);
        assert_eq!([Some(60), Some(900), Some(86_400)].map(|hint| minutes(0, hint)), [5, 15, 60]);
    }
}
