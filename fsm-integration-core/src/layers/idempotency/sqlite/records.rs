use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rusqlite::{Connection, Error as SqlError, OptionalExtension, named_params, params, types::Type};

use super::{changes::Wake, leases::Leases};
use crate::{
    error::Result,
    layers::idempotency::{
        Begin, Fingerprint, IdempotencyKey, Lease, Owner, RecoveryPoint, StoreOutcome,
        state::{self, Decision, Record},
    },
};

pub(super) fn load(connection: &Connection, key: &IdempotencyKey) -> Result<Option<Record<String>>> {
    let record = connection
        .prepare_cached(
            "SELECT fingerprint, owner, fence, until, outcome, point FROM idempotency WHERE digest = ?1 AND scope = ?2",
        )?
        .query_row(params![key.digest(), key.scope()], |row| {
            let fingerprint = Fingerprint(row.get(0)?);
            let until = row.get(3)?;
            Ok(match row.get::<_, Option<[u8; 16]>>(1)? {
                Some(owner) => {
                    let lease = Lease { owner: Owner::from_bytes(owner), fence: row.get::<_, i64>(2)?.unsigned_abs() };
                    let point = row.get::<_, Option<String>>(5)?.map(|point| point_of(&point)).transpose()?;
                    Record::InProgress { lease, fingerprint, until, point }
                }
                None => Record::Done { fingerprint, outcome: row.get(4)?, until },
            })
        });
    Ok(record.optional()?)
}

/// What begins: who, until when, with what.
pub(super) struct Bid {
    pub(super) fingerprint: Fingerprint,
    pub(super) owner: Owner,
    /// By the wall clock, as `until`, and by the monotonic one.
    pub(super) now: i64,
    pub(super) steady: Instant,
    pub(super) until: i64,
    pub(super) ttl: i64,
    pub(super) leases: Leases,
}

/// What a begin finds.
pub(super) enum Found {
    /// An answer without any change.
    Answer(Begin<String>),
    /// The key is to be had, from this point on.
    Free(Option<Arc<RecoveryPoint>>),
}

pub(super) fn find(connection: &Connection, key: &IdempotencyKey, bid: &Bid) -> Result<Found> {
    let mut record = load(connection, key)?;
    bid.leases.correct(key, &mut record, bid.now, bid.steady);
    Ok(Found::Answer(match state::begin(record.as_ref(), bid.fingerprint, bid.now, bid.ttl) {
        Decision::Replay(outcome) => Begin::Done(outcome.clone()),
        Decision::Mismatch => Begin::Mismatch,
        Decision::InProgress { left } => Begin::InProgress { left: Duration::from_millis(left.unsigned_abs()) },
        Decision::Acquire { resumed } => return Ok(Found::Free(resumed.cloned())),
    }))
}

pub(super) fn begin(connection: &Connection, key: &IdempotencyKey, bid: &Bid) -> Result<Begin<String>> {
    let resumed = match find(connection, key, bid)? {
        Found::Answer(answer) => return Ok(answer),
        Found::Free(resumed) => resumed,
    };
    let Bid { fingerprint, owner, until, .. } = *bid;
    let fence: i64 = connection
        .prepare_cached("UPDATE idempotency_fence SET value = value + 1 RETURNING value")?
        .query_row([], |row| row.get(0))?;
    connection
        .prepare_cached(
            "INSERT INTO idempotency (digest, scope, fingerprint, owner, fence, until)
             VALUES (:digest, :scope, :fingerprint, :owner, :fence, :until)
             ON CONFLICT (digest, scope) DO UPDATE SET fingerprint = excluded.fingerprint, owner = excluded.owner,
             fence = excluded.fence, until = excluded.until, outcome = NULL,
             point = CASE WHEN :resumed THEN point END",
        )?
        .execute(named_params! {
            ":digest": key.digest(),
            ":scope": key.scope(),
            ":fingerprint": fingerprint.0,
            ":owner": owner.to_bytes(),
            ":fence": fence,
            ":until": until,
            ":resumed": resumed.is_some(),
        })?;
    let lease = Lease { owner, fence: fence.unsigned_abs() };
    Ok(resumed.map_or(Begin::Won(lease), |point| Begin::Resumed(lease, point)))
}

fn point_of(json: &str) -> Result<Arc<RecoveryPoint>, SqlError> {
    let point = serde_json::from_str(json).map(Arc::new);
    point.map_err(|error| SqlError::FromSqlConversionFailure(5, Type::Text, Box::new(error)))
}

/// What the owner of a record may do with it.
pub(super) enum Step {
    Renew { until: i64, lease: Duration },
    Record { point: String },
    Complete { until: i64, outcome: String },
    Release { now: i64 },
}

/// What becomes of the owner's lease.
pub(super) enum Kept {
    For(Duration),
    AsItIs,
    NoLonger,
}

impl Step {
    pub(super) fn lease(&self) -> Kept {
        match self {
            Self::Renew { lease, .. } => Kept::For(*lease),
            Self::Record { .. } => Kept::AsItIs,
            Self::Complete { .. } | Self::Release { .. } => Kept::NoLonger,
        }
    }

    /// Who of those that wait has something to do after it.
    pub(super) fn wakes(&self) -> Wake {
        match self {
            Self::Renew { .. } | Self::Record { .. } => Wake::Nobody,
            Self::Complete { .. } => Wake::All,
            Self::Release { .. } => Wake::One,
        }
    }
}

/// Compare and set: the owner is part of the condition (requirement I7).
pub(super) fn step(connection: &Connection, key: &IdempotencyKey, owner: Owner, step: Step) -> Result<StoreOutcome> {
    if owner == Owner::NOBODY {
        return Ok(StoreOutcome::LostLease);
    }
    let (digest, scope, owner) = (key.digest(), key.scope(), owner.to_bytes());
    let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| connection.prepare_cached(sql)?.execute(values);
    let changed = match step {
        Step::Renew { until, .. } => run(
            "UPDATE idempotency SET until = ?4 WHERE digest = ?1 AND scope = ?2 AND owner = ?3",
            params![digest, scope, owner, until],
        ),
        Step::Record { point } => run(
            "UPDATE idempotency SET point = ?4 WHERE digest = ?1 AND scope = ?2 AND owner = ?3",
            params![digest, scope, owner, point],
        ),
        Step::Complete { until, outcome } => run(
            "UPDATE idempotency SET until = ?4, outcome = ?5, owner = NULL, point = NULL
             WHERE digest = ?1 AND scope = ?2 AND owner = ?3",
            params![digest, scope, owner, until, outcome],
        ),
        Step::Release { now } => {
            let gone = run(
                "DELETE FROM idempotency WHERE digest = ?1 AND scope = ?2 AND owner = ?3 AND point IS NULL",
                params![digest, scope, owner],
            )?;
            // What got as far as a recovery point stays for the next owner.
            let kept = run(
                "UPDATE idempotency SET until = ?4, owner = ?5 WHERE digest = ?1 AND scope = ?2 AND owner = ?3",
                params![digest, scope, owner, now, Owner::NOBODY.to_bytes()],
            )?;
            Ok(gone + kept)
        }
    }?;
    Ok(if changed == 1 { StoreOutcome::Stored } else { StoreOutcome::LostLease })
}
