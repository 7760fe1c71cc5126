use std::num::NonZeroU32;

use jiff::{SignedDuration, Timestamp};
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::query::{self, DeadLetterFilter, Status};
use crate::{error::Result, sqlite::Tx};

/// What to replay and how fast.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplayPlan {
    /// Which ones; only open ones are replayed, oldest first, and at most the filter's `limit` at once.
    #[serde(default)]
    pub filter: DeadLetterFilter,
    /// Says what would happen and changes nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// How many a second; all at once when absent.
    pub rate: Option<NonZeroU32>,
}

/// What a replay did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Replay {
    /// The dead letters handed back, in order.
    pub ids: Vec<String>,
    /// How many more open ones the filter names than its `limit` let through; another replay takes them.
    pub remaining: u64,
    /// Whether nothing was changed.
    pub dry_run: bool,
}

pub(super) fn replay(tx: &Tx<'_>, plan: &ReplayPlan, now: Timestamp) -> Result<Replay> {
    let filter = DeadLetterFilter { status: Some(Status::Open), ..plan.filter.clone() };
    let letters = query::as_published(tx, &filter)?;
    let remaining = query::count(tx, &filter)?.saturating_sub(letters.len() as u64);
    if !plan.dry_run {
        for (index, letter) in letters.iter().enumerate() {
            hand_back(tx, &letter.id, due_at(now, plan.rate, index))?;
        }
    }
    let ids = letters.into_iter().map(|letter| letter.id).collect();
    Ok(Replay { ids, remaining, dry_run: plan.dry_run })
}

fn due_at(now: Timestamp, rate: Option<NonZeroU32>, index: usize) -> Timestamp {
    let index = i64::try_from(index).unwrap_or(i64::MAX);
    let wait = rate.map_or(0, |rate| index.saturating_mul(1_000) / i64::from(rate.get()));
    now.checked_add(SignedDuration::from_millis(wait)).unwrap_or(Timestamp::MAX)
}

/// Becomes a waiting record again, its attempts forgotten; the group picks it up when it is due.
fn hand_back(tx: &Tx<'_>, id: &str, due_at: Timestamp) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO redeliveries
         SELECT d.consumer_group, d.offset, l.key, ?2, 0, d.first_failed_at, d.error_kind, d.error_message, d.id
         FROM dead_letters d JOIN event_log l ON l.offset = d.offset WHERE d.id = ?1",
    )?
    .execute(params![id, due_at.as_millisecond()])?;
    tx.prepare_cached("UPDATE dead_letters SET status = 'replaying', replays = replays + 1 WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}
