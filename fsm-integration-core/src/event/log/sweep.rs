use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use rusqlite::params;

use super::{EventLog, Topic};
use crate::{
    error::Result,
    sqlite::{Migration, Tx},
};

/// What may go from a log, and who reads it.
#[derive(Debug, Clone, Default)]
pub struct Retention {
    /// How long the records of a topic stay; those of topics that are not named stay for ever.
    pub topics: Vec<(Topic, Duration)>,
    /// Every consumer group and the topics that it reads.
    ///
    /// A group that the log knows and that is not named here may read anything: what it has not passed stays. One that is
    /// no more is named without topics.
    pub groups: Vec<(Arc<str>, Arc<[Topic]>)>,
}

/// What a sweep removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Records, each with its marks of having been handled.
    pub records: u64,
    /// Dead letters that were resolved or discarded, with their records.
    pub dead_letters: u64,
}

/// Finds the dead letters of a record; without it each removed record would look at them all.
const INDEX: Migration = Migration {
    name: "core_0002_dead_letters_offset",
    sql: "CREATE INDEX dead_letters_offset ON dead_letters (offset)",
};

/// How many records one unit of work looks at: other writes get their turn in between.
const BATCH: usize = 100;

impl EventLog {
    /// Removes what is older than the retention of its topic, with its marks and its closed dead letters.
    ///
    /// A record stays as long as a group that reads its topic has not passed it, it waits for another try, or its dead
    /// letter is open. An event that is published again is handled again once its first record is gone: the retention
    /// is also how long a second one is known as such. The file does not shrink; what is free in it is used again.
    ///
    /// Nothing calls this by itself: whoever owns the log does, from time to time. It goes in small units of work and
    /// may run beside everything else.
    ///
    /// # Errors
    /// The database's own; what has been removed until then stays so.
    ///
    /// # Cancel safety
    /// Dropping the future ends the sweep; the next one goes on.
    pub async fn sweep(&self, retention: Retention) -> Result<Swept> {
        self.database.migrate(&[INDEX]).await?;
        let (retention, now, mut swept) = (Arc::new(retention), self.clock.timestamp(), Swept::default());
        for (topic, keep) in &retention.topics {
            let before = now.saturating_sub(*keep).unwrap_or(Timestamp::MIN);
            let mut after = Some(0);
            while let Some(from) = after {
                let (topic, retention) = (topic.clone(), Arc::clone(&retention));
                let batch = move |tx: &Tx<'_>| sweep_batch(tx, &topic, from, before, &retention);
                let (next, removed) = self.database.write(batch).await?;
                swept.records += removed.records;
                swept.dead_letters += removed.dead_letters;
                after = next;
            }
        }
        Ok(swept)
    }
}

/// Removes of the next records of a topic what may go; gives the last one it saw if there may be more behind it.
fn sweep_batch(
    tx: &Tx<'_>,
    topic: &Topic,
    after: i64,
    before: Timestamp,
    retention: &Retention,
) -> Result<(Option<i64>, Swept)> {
    let passed = passed_by_all(tx, topic, retention)?;
    let oldest = tx
        .prepare_cached(OLDEST)?
        .query_map(params![topic.as_str(), after, passed, BATCH as i64], |row| {
            Ok(Oldest { offset: row.get(0)?, appended_at: row.get(1)?, is_needed: row.get(2)? })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    // What follows a young one is younger, but where the clock was set back: there it stays a little longer.
    let old = oldest.iter().take_while(|record| record.appended_at < before.as_millisecond());
    let next = oldest.last().filter(|_| old.clone().count() == BATCH).map(|record| record.offset);
    let mut swept = Swept::default();
    for Oldest { offset, .. } in old.filter(|record| !record.is_needed) {
        tx.prepare_cached(UNMARK)?.execute([offset])?;
        swept.dead_letters +=
            tx.prepare_cached("DELETE FROM dead_letters WHERE offset = ?1")?.execute([offset])? as u64;
        swept.records += tx.prepare_cached("DELETE FROM event_log WHERE offset = ?1")?.execute([offset])? as u64;
    }
    Ok((next, swept))
}

struct Oldest {
    offset: i64,
    /// In milliseconds since the epoch.
    appended_at: i64,
    /// Whether it waits for another try or for somebody's decision.
    is_needed: bool,
}

const OLDEST: &str = "
    SELECT l.offset, l.appended_at,
        EXISTS (SELECT 1 FROM dead_letters d WHERE d.offset = l.offset AND d.status IN ('open', 'replaying'))
        OR EXISTS (SELECT 1 FROM consumer_groups g
            JOIN redeliveries r ON r.consumer_group = g.name AND r.offset = l.offset)
    FROM event_log l WHERE l.topic = ?1 AND l.offset > ?2 AND l.offset <= ?3 ORDER BY l.offset LIMIT ?4";

const UNMARK: &str = "
    DELETE FROM processed_events WHERE event_id = (SELECT event_id FROM event_log WHERE offset = ?1)
        AND consumer_group IN (SELECT name FROM consumer_groups)";

/// Up to where every group that reads the topic, or may, has handled everything.
fn passed_by_all(tx: &Tx<'_>, topic: &Topic, retention: &Retention) -> Result<i64> {
    let mut statement = tx.prepare_cached("SELECT name, committed FROM consumer_groups")?;
    let groups = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let groups = groups.collect::<rusqlite::Result<Vec<(String, i64)>>>()?;
    let started = |name: &str| groups.iter().find(|(known, _)| known == name).map_or(0, |(_, committed)| *committed);
    let named = retention.groups.iter().filter(|(_, topics)| topics.contains(topic)).map(|(name, _)| started(name));
    let is_named = |name: &str| retention.groups.iter().any(|(known, _)| **known == *name);
    let others = groups.iter().filter(|(name, _)| !is_named(name)).map(|(_, committed)| *committed);
    Ok(named.chain(others).min().unwrap_or(i64::MAX))
}
