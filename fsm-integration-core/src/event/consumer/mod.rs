//! Consumer groups on the event log: at least once, in order per key, exactly once in effect on our own state.
//!
//! ```text
//! log ─> lanes (one a key, many at once) ─> handler ─> one transaction: effects · mark · progress
//!                                              │
//!                          fails for now ──────┼──> put aside, tried again when due; its key waits behind it
//!                          fails for good ─────┴──> dead letter, the partition goes on
//! ```
//!
//! * Progress is committed only up to the highest offset below which everything is handled.
//! * The mark (group, event id) is inserted first, in the transaction of the handler's effects: a second delivery
//!   changes nothing (requirement D10), as long as no sweep has removed the first one's record. A foreign call may
//!   happen twice; give it an id that does not change.
//! * A failure never sleeps in the handler: the record is put aside and the partition goes on (D3). That the store is
//!   away is no failure of the record: it waits, however long. An error of the effects themselves is one, of any kind.
//! * When most records would die, the group stops instead: that is a fault of ours, not of the records (D11).

mod delivery;
mod lanes;
mod ledger;
mod measure;
mod progress;
mod runtime;
mod settle;
mod status;
mod systemic;

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use self::status::OwnState;
pub use self::{
    delivery::{Commit, Delivery, Handler},
    status::{ConsumerHandle, ConsumerState},
};
use super::{Topic, log::EventLog};
use crate::{clock::WallClock, layers::retry::DurableSchedule};

/// How a group consumes.
#[derive(Debug, Clone)]
pub struct ConsumerConfig {
    /// The group's name; its progress is kept under it.
    pub group: Arc<str>,
    /// The topics it reads.
    pub topics: Arc<[Topic]>,
    /// How many keys are handled at once; default 32, 0 means 1.
    pub concurrency: usize,
    /// How many records are held in memory; default 1 024, 0 means 1.
    pub prefetch: usize,
    /// How long a handler may take before it counts as failed; default 2 minutes.
    pub handler_timeout: Duration,
    /// When a record that failed for now is tried again; after the last it is a dead letter.
    ///
    /// A refusal by our own breaker or limiter is no attempt and uses none up: it waits for the hint, at most
    /// [`max_retry_after`](DurableSchedule::max_retry_after), even when nothing is ever retried.
    pub schedule: DurableSchedule,
}

impl ConsumerConfig {
    /// Creates the settings of a group with the defaults above.
    #[must_use]
    pub fn new(group: &str, topics: &[Topic], schedule: DurableSchedule) -> Self {
        Self {
            group: group.into(),
            topics: topics.into(),
            concurrency: 32,
            prefetch: 1_024,
            handler_timeout: Duration::from_secs(120),
            schedule,
        }
    }
}

/// A group ready to run.
#[derive(Debug)]
pub struct Consumer {
    config: ConsumerConfig,
    log: EventLog,
    handler: Handler,
    clock: Arc<dyn WallClock>,
    state: OwnState,
}

impl Consumer {
    /// Joins a log, a handler and settings.
    #[must_use]
    pub fn new(log: EventLog, clock: Arc<dyn WallClock>, config: ConsumerConfig, handler: Handler) -> Self {
        let (concurrency, prefetch) = (config.concurrency.max(1), config.prefetch.max(1));
        let config = ConsumerConfig { concurrency, prefetch, ..config };
        Self { config, log, handler, clock, state: OwnState::new() }
    }

    /// A handle to watch and resume the group.
    #[must_use]
    pub fn handle(&self) -> ConsumerHandle {
        ConsumerHandle::new(&self.config, self.log.clone(), &self.state)
    }

    /// Runs until the token is cancelled; what is under way then is finished first, unless the store is away: that is
    /// delivered again at the next start.
    ///
    /// # Cancel safety
    /// Dropping the future abandons what is under way; it is delivered again at the next start.
    pub async fn run(self, shutdown: CancellationToken) {
        runtime::run(self, shutdown).await;
    }
}

#[cfg(test)]
mod tests;
