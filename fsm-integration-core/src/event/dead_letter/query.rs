use jiff::Timestamp;
use rusqlite::{
    Connection, Row, ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ValueRef},
};
use serde::{Deserialize, Serialize};

use super::{DeadLetter, DeadLetterGroup, time};
use crate::{
    error::Result,
    event::{Headers, header},
};

/// What became of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Waits for a decision.
    Open,
    /// Handed back, not settled yet.
    Replaying,
    /// Handled after a replay.
    Resolved,
    /// Closed by an operator.
    Discarded,
}

impl FromSql for Status {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "open" => Ok(Self::Open),
            "replaying" => Ok(Self::Replaying),
            "resolved" => Ok(Self::Resolved),
            "discarded" => Ok(Self::Discarded),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

/// Which dead letters; every field narrows.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeadLetterFilter {
    /// This one.
    pub id: Option<String>,
    /// Of this consumer group.
    pub group: Option<String>,
    /// Of this original topic.
    pub topic: Option<String>,
    /// Of this kind of failure.
    pub error_kind: Option<String>,
    /// In this status.
    pub status: Option<Status>,
    /// That failed last at or after this.
    pub since: Option<Timestamp>,
    /// At most this many; 100 when absent, never more than 1 000.
    pub limit: Option<u32>,
}

const MOST: u32 = 1_000;

/// The conditions of a filter and their values.
pub(super) fn conditions(filter: &DeadLetterFilter) -> (String, Vec<Box<dyn ToSql>>) {
    let mut sql = String::from("1");
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    let mut and = |condition: &str, value: Option<Box<dyn ToSql>>| {
        if let Some(value) = value {
            sql.push_str(" AND ");
            sql.push_str(condition);
            values.push(value);
        }
    };
    let text = |value: &Option<String>| value.clone().map(|value| Box::new(value) as Box<dyn ToSql>);
    and("d.id = ?", text(&filter.id));
    and("d.consumer_group = ?", text(&filter.group));
    and("l.topic = ?", text(&filter.topic));
    and("d.error_kind = ?", text(&filter.error_kind));
    and("d.status = ?", filter.status.map(|status| Box::new(word(status)) as Box<dyn ToSql>));
    and("d.failed_at >= ?", filter.since.map(|since| Box::new(since.as_millisecond()) as Box<dyn ToSql>));
    (sql, values)
}

const fn word(status: Status) -> &'static str {
    match status {
        Status::Open => "open",
        Status::Replaying => "replaying",
        Status::Resolved => "resolved",
        Status::Discarded => "discarded",
    }
}

/// Those that the filter lets through, newest first.
pub(super) fn list(connection: &Connection, filter: &DeadLetterFilter) -> Result<Vec<DeadLetter>> {
    select(connection, filter, "d.failed_at DESC, d.offset DESC")
}

/// Those that the filter lets through, in the order in which they were published.
pub(super) fn as_published(connection: &Connection, filter: &DeadLetterFilter) -> Result<Vec<DeadLetter>> {
    select(connection, filter, "d.offset")
}

/// How many the filter names, whatever its limit.
pub(super) fn count(connection: &Connection, filter: &DeadLetterFilter) -> Result<u64> {
    let (conditions, values) = conditions(filter);
    let sql = format!("SELECT count(*) FROM dead_letters d JOIN event_log l ON l.offset = d.offset WHERE {conditions}");
    let count: i64 =
        connection.prepare_cached(&sql)?.query_row(rusqlite::params_from_iter(values), |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

fn select(connection: &Connection, filter: &DeadLetterFilter, order: &str) -> Result<Vec<DeadLetter>> {
    let (conditions, values) = conditions(filter);
    let limit = filter.limit.unwrap_or(100).min(MOST);
    let sql = format!(
        "SELECT d.id, d.consumer_group, l.topic, d.offset, l.event_id, l.headers, d.reason_class, d.error_kind,
                d.error_message, d.attempts, d.first_failed_at, d.failed_at, d.status, d.replays
         FROM dead_letters d JOIN event_log l ON l.offset = d.offset
         WHERE {conditions} ORDER BY {order} LIMIT {limit}"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(rusqlite::params_from_iter(values), letter)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn summary(connection: &Connection) -> Result<Vec<DeadLetterGroup>> {
    let mut statement = connection.prepare_cached(
        "SELECT d.consumer_group, l.topic, d.error_kind, count(*), min(d.failed_at)
         FROM dead_letters d JOIN event_log l ON l.offset = d.offset
         WHERE d.status = 'open' GROUP BY 1, 2, 3 ORDER BY 4 DESC",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(DeadLetterGroup {
            group: row.get(0)?,
            topic: row.get(1)?,
            error_kind: row.get(2)?,
            open: row.get::<_, i64>(3)?.unsigned_abs(),
            oldest: time(row, 4)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    let headers = Headers::from_bytes(row.get_ref(5)?.as_bytes()?).unwrap_or_default();
    Ok(DeadLetter {
        id: row.get(0)?,
        group: row.get(1)?,
        topic: row.get(2)?,
        offset: row.get(3)?,
        event_id: uuid::Uuid::from_bytes(row.get(4)?).to_string(),
        correlation_id: headers.text(header::CORRELATION_ID).map(str::to_owned),
        tenant: headers.text(header::TENANT_ID).map(str::to_owned),
        reason_class: row.get(6)?,
        error_kind: row.get(7)?,
        error_message: row.get(8)?,
        attempts: row.get(9)?,
        first_failed_at: time(row, 10)?,
        failed_at: time(row, 11)?,
        status: row.get(12)?,
        replays: row.get(13)?,
    })
}
