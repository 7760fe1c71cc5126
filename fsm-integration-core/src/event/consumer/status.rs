use std::{ops::Deref, sync::Arc};

use rusqlite::params;
use tokio::sync::watch;

use super::ConsumerConfig;
use crate::{
    error::Result,
    event::{Topic, log::EventLog},
};

/// Whether a group runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsumerState {
    /// It reads and handles, or will as soon as it is run.
    Running,
    /// It stopped by itself, because most records failed for good; an operator resumes it.
    Stopped {
        /// The failure that was one too many.
        reason: String,
    },
    /// Its `run` returned or was dropped, or broke off: nothing is handled before the next start.
    Ended,
}

/// The state in the hands of the group itself, which has ended when it lets go of it.
#[derive(Debug)]
pub(super) struct OwnState(watch::Sender<ConsumerState>);

impl OwnState {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(ConsumerState::Running))
    }
}

impl Deref for OwnState {
    type Target = watch::Sender<ConsumerState>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Drop for OwnState {
    fn drop(&mut self) {
        self.0.send_replace(ConsumerState::Ended);
    }
}

/// Watches one group from outside.
#[derive(Debug, Clone)]
pub struct ConsumerHandle {
    group: Arc<str>,
    topics: Arc<[Topic]>,
    log: EventLog,
    state: watch::Sender<ConsumerState>,
}

impl ConsumerHandle {
    pub(super) fn new(config: &ConsumerConfig, log: EventLog, state: &watch::Sender<ConsumerState>) -> Self {
        Self { group: Arc::clone(&config.group), topics: Arc::clone(&config.topics), log, state: state.clone() }
    }

    /// The group's name.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The topics it reads.
    #[must_use]
    pub fn topics(&self) -> &[Topic] {
        &self.topics
    }

    /// Whether it runs.
    #[must_use]
    pub fn state(&self) -> ConsumerState {
        self.state.borrow().clone()
    }

    /// Lets a stopped group go on from where it stopped; does nothing to one that runs or has ended.
    pub fn resume(&self) {
        self.state.send_if_modified(|state| {
            let stopped = matches!(state, ConsumerState::Stopped { .. });
            if stopped {
                *state = ConsumerState::Running;
            }
            stopped
        });
    }

    /// How many records of its topics it has not settled yet.
    ///
    /// # Errors
    /// The database's own.
    pub async fn lag(&self) -> Result<u64> {
        Ok(self.lag_by_topic().await?.into_iter().map(|(_, lag)| lag).sum())
    }

    /// The same for each topic, in their order.
    ///
    /// # Errors
    /// The database's own.
    pub async fn lag_by_topic(&self) -> Result<Vec<(Topic, u64)>> {
        let (group, topics) = (Arc::clone(&self.group), Arc::clone(&self.topics));
        self.log
            .database()
            .read(move |db| {
                let mut statement = db.prepare_cached(
                    "SELECT count(*) FROM event_log WHERE topic = ?1 AND offset >
                         coalesce((SELECT committed FROM consumer_groups WHERE name = ?2), 0)",
                )?;
                let mut lag = |topic: &Topic| -> Result<(Topic, u64)> {
                    let count: i64 = statement.query_row(params![topic.as_str(), &*group], |row| row.get(0))?;
                    Ok((topic.clone(), count.unsigned_abs()))
                };
                topics.iter().map(&mut lag).collect()
            })
            .await
    }
}
