//! Dead letters: what a group gave up, kept with its original bytes, key and headers until somebody decides.
//!
//! Listings never show payloads or header values, which may be personal; [`DeadLetters::show`] gives the record itself
//! to whoever may see it. Replaying hands the same record (same id, key, bytes and headers) to the group that gave it
//! up, at the rate asked for.

mod query;
mod replay;

use jiff::Timestamp;
use rusqlite::{Row, params};
use serde::Serialize;

pub use self::{
    query::{DeadLetterFilter, Status},
    replay::{Replay, ReplayPlan},
};
use super::log::{self, EventLog, Record};
use crate::{
    error::{Error, ErrorKind, Result},
    sqlite::Tx,
};

/// One dead letter, without its payload.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Its id.
    pub id: String,
    /// The consumer group that gave it up.
    pub group: String,
    /// The original topic.
    pub topic: String,
    /// The original place in the log.
    pub offset: i64,
    /// The event's id.
    pub event_id: String,
    /// The journey it belongs to.
    pub correlation_id: Option<String>,
    /// Whose data it is.
    pub tenant: Option<String>,
    /// `permanent` for the record's own fault, anything else for ours or a partner's (requirement D6).
    pub reason_class: String,
    /// The kind of the last failure.
    pub error_kind: String,
    /// What the last failure said.
    pub error_message: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it failed first.
    pub first_failed_at: Timestamp,
    /// When it failed last.
    pub failed_at: Timestamp,
    /// What became of it.
    pub status: Status,
    /// How often an operator replayed it.
    pub replays: u32,
}

/// How many there are of one sort.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterGroup {
    /// The consumer group.
    pub group: String,
    /// The original topic.
    pub topic: String,
    /// The kind of the last failure.
    pub error_kind: String,
    /// How many are open.
    pub open: u64,
    /// When the oldest failed.
    pub oldest: Timestamp,
}

/// A handle on the dead letters of one database.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    log: EventLog,
}

impl DeadLetters {
    /// Looks at the dead letters of a log.
    #[must_use]
    pub fn new(log: EventLog) -> Self {
        Self { log }
    }

    /// Lists those that the filter lets through, newest first.
    ///
    /// # Errors
    /// The database's own.
    pub async fn list(&self, filter: DeadLetterFilter) -> Result<Vec<DeadLetter>> {
        self.log.database().read(move |db| query::list(db, &filter)).await
    }

    /// Counts the open ones by group, topic and kind of failure.
    ///
    /// # Errors
    /// The database's own.
    pub async fn summary(&self) -> Result<Vec<DeadLetterGroup>> {
        self.log.database().read(query::summary).await
    }

    /// One dead letter with the original record.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none of this id.
    pub async fn show(&self, id: &str) -> Result<(DeadLetter, Record)> {
        let id = id.to_owned();
        self.log
            .database()
            .read(move |db| {
                let filter = DeadLetterFilter { id: Some(id), ..DeadLetterFilter::default() };
                let letter = query::list(db, &filter)?.into_iter().next().ok_or_else(not_found)?;
                let record = db.query_row(
                    "SELECT offset, topic, key, event_id, headers, payload, appended_at FROM event_log WHERE offset = ?1",
                    [letter.offset],
                    log::record,
                )?;
                Ok((letter, record))
            })
            .await
    }

    /// Hands records back to the groups that gave them up, or says what would be handed back.
    ///
    /// # Errors
    /// The database's own.
    pub async fn replay(&self, plan: ReplayPlan, now: Timestamp) -> Result<Replay> {
        let letters = self.clone();
        self.log.database().write(move |tx| letters.replay_in(tx, &plan, now)).await
    }

    /// The same within a unit of work, so that it commits together with the record of who asked for it.
    ///
    /// # Errors
    /// The database's own.
    pub fn replay_in(&self, tx: &Tx<'_>, plan: &ReplayPlan, now: Timestamp) -> Result<Replay> {
        let log = self.log.clone();
        tx.after_commit(move || log.wake());
        replay::replay(tx, plan, now)
    }

    /// Closes one for good, with a note why.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no open one of this id.
    pub async fn discard(&self, id: &str, note: &str) -> Result<()> {
        let (letters, id, note) = (self.clone(), id.to_owned(), note.to_owned());
        self.log.database().write(move |tx| letters.discard_in(tx, &id, &note)).await
    }

    /// The same within a unit of work.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no open one of this id.
    pub fn discard_in(&self, tx: &Tx<'_>, id: &str, note: &str) -> Result<()> {
        let sql = "UPDATE dead_letters SET status = 'discarded', note = ?2 WHERE id = ?1 AND status = 'open'";
        match tx.execute(sql, params![id, note])? {
            0 => Err(not_found()),
            _ => Ok(()),
        }
    }
}

fn not_found() -> Error {
    Error::new(ErrorKind::NotFound, "no such open dead letter")
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Ok(Timestamp::from_millisecond(row.get(column)?).unwrap_or(Timestamp::UNIX_EPOCH))
}

#[cfg(test)]
mod tests;
