//! What came of a sync, and of the last ten.

use std::{collections::VecDeque, time::Duration};

use fsm_integration_core::{error::Error, observe::health::Health};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One item that failed, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncError {
    /// The item's SKU; its place in the answer, as in `#3`, when it has none.
    pub item: String,
    /// What is wrong with it.
    pub error: String,
}

/// How a sync ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncStatus {
    /// Every item was taken over; an answer without items is one.
    Success,
    /// Some items failed, some did not.
    Partial,
    /// Every item failed, or the sync itself did.
    Failed,
}

/// The record of one sync, in the words of the guide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncRun {
    /// When it began.
    pub start_time: Timestamp,
    /// When it ended.
    pub end_time: Timestamp,
    /// How long it took, in milliseconds.
    pub duration: u64,
    /// How many items came.
    pub items_processed: usize,
    /// How many were taken over.
    pub items_succeeded: usize,
    /// How many were not.
    pub items_failed: usize,
    /// Why not, the first hundred of them.
    pub errors: Vec<SyncError>,
    /// Why the sync itself failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl SyncRun {
    /// The most errors that are kept of one run.
    pub const MAX_ERRORS: usize = 100;

    /// Records a sync that went through, whatever became of its items.
    #[must_use]
    pub fn completed(start: Timestamp, end: Timestamp, succeeded: usize, mut errors: Vec<SyncError>) -> Self {
        let failed = errors.len();
        errors.truncate(Self::MAX_ERRORS);
        Self {
            start_time: start,
            end_time: end,
            duration: millis(start, end),
            items_processed: succeeded + failed,
            items_succeeded: succeeded,
            items_failed: failed,
            errors,
            failure: None,
        }
    }

    /// Records a sync that failed as a whole.
    #[must_use]
    pub fn failed(start: Timestamp, end: Timestamp, error: &Error) -> Self {
        Self { failure: Some(error.to_string()), ..Self::completed(start, end, 0, Vec::new()) }
    }

    /// How it ended.
    #[must_use]
    pub fn status(&self) -> SyncStatus {
        match (&self.failure, self.items_succeeded, self.items_failed) {
            (Some(_), ..) => SyncStatus::Failed,
            (None, _, 0) => SyncStatus::Success,
            (None, 0, _) => SyncStatus::Failed,
            (None, ..) => SyncStatus::Partial,
        }
    }

    /// Whether more than a tenth of the items failed; never, when none came.
    #[must_use]
    pub fn has_many_failures(&self) -> bool {
        self.items_failed * 10 > self.items_processed
    }
}

fn millis(start: Timestamp, end: Timestamp) -> u64 {
    let duration = Duration::try_from(start.duration_until(end)).unwrap_or(Duration::ZERO);
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The last ten runs, oldest first; serialized, so that a restart does not forget them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SyncHistory(VecDeque<SyncRun>);

impl SyncHistory {
    /// How many runs are kept.
    pub const KEPT: usize = 10;
    /// A last sync that is older is a reason to look.
    const STALE: Duration = Duration::from_secs(2 * 3600);

    /// Adds a run and forgets the oldest beyond ten.
    pub fn record(&mut self, run: SyncRun) {
        self.0.push_back(run);
        while self.0.len() > Self::KEPT {
            self.0.pop_front();
        }
    }

    /// The last run.
    #[must_use]
    pub fn latest(&self) -> Option<&SyncRun> {
        self.0.back()
    }

    /// Each run, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &SyncRun> {
        self.0.iter()
    }

    /// How well the integration is: unhealthy when the API does not answer, degraded when the last sync was
    /// no full success, had no predecessor or is more than two hours old.
    #[must_use]
    pub fn health(&self, api_answers: bool, now: Timestamp) -> Health {
        let is_fresh = |run: &SyncRun| run.end_time.duration_until(now).unsigned_abs() <= Self::STALE;
        match self.latest() {
            _ if !api_answers => Health::Unhealthy,
            Some(run) if run.status() == SyncStatus::Success && is_fresh(run) => Health::Healthy,
            _ => Health::Degraded,
        }
    }
}

#[cfg(test)]
mod tests {
    use fsm_integration_core::error::ErrorKind;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn run(succeeded: usize, failed: usize) -> SyncRun {
        let error = SyncError { item: "INVALID001".to_owned(), error: "Item missing name".to_owned() };
        SyncRun::completed(at(0), at(15), succeeded, vec![error; failed])
    }

    #[test]
    fn a_run_is_told_in_the_words_of_the_guide() {
        let json = serde_json::to_value(run(98, 1)).expect("JSON");
        let expected = serde_json::json!({
            "startTime": "1970-01-01T00:00:00Z", "endTime": "1970-01-01T00:00:15Z", "duration": 15000,
            "itemsProcessed": 99, "itemsSucceeded": 98, "itemsFailed": 1,
            "errors": [{"item": "INVALID001", "error": "Item missing name"}],
        });
        assert_eq!(json, expected);
    }

    /// F-X5: `partial` was mapped to nothing.
    #[test]
    fn a_run_is_a_success_a_part_or_a_failure() {
        assert_eq!(run(2, 0).status(), SyncStatus::Success);
        assert_eq!(run(0, 0).status(), SyncStatus::Success);
        assert_eq!(run(1, 1).status(), SyncStatus::Partial);
        assert_eq!(run(0, 1).status(), SyncStatus::Failed);
        let error = Error::from(ErrorKind::Unavailable);
        assert_eq!(SyncRun::failed(at(0), at(1), &error).status(), SyncStatus::Failed);
    }

    /// F-X6: the rate was divided by the number of items, which may be 0.
    #[test]
    fn a_run_without_items_has_no_failure_rate() {
        assert!(!run(0, 0).has_many_failures());
        assert!(!run(9, 1).has_many_failures());
        assert!(run(8, 1).has_many_failures());
    }

    /// F-X5: one failed batch made everything unhealthy, and a restart forgot it.
    #[test]
    fn a_failed_sync_degrades_and_is_remembered() {
        let mut history = SyncHistory::default();
        assert_eq!(history.health(true, at(15)), Health::Degraded);
        history.record(run(1, 0));
        assert_eq!(history.health(true, at(15)), Health::Healthy);
        assert_eq!(history.health(true, at(15 + 7201)), Health::Degraded);
        assert_eq!(history.health(false, at(15)), Health::Unhealthy);
        history.record(run(0, 1));
        assert_eq!(history.health(true, at(15)), Health::Degraded);
        let json = serde_json::to_string(&history).expect("JSON");
        assert_eq!(serde_json::from_str::<SyncHistory>(&json).expect("a history"), history);
    }

    #[test]
    fn ten_runs_and_a_hundred_errors_are_kept() {
        let mut history = SyncHistory::default();
        for succeeded in 0..15 {
            history.record(run(succeeded, 500));
        }
        let kept: Vec<_> = history.iter().map(|run| run.items_succeeded).collect();
        assert_eq!(kept, (5..15).collect::<Vec<_>>());
        let latest = history.latest().expect("a run");
        assert_eq!((latest.errors.len(), latest.items_failed), (100, 500));
    }
}
