mod changes;
mod leases;
mod records;

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::{Serialize, de::DeserializeOwned};

use self::{
    changes::{Changes, Wake},
    leases::Leases,
    records::{Bid, Found, Kept, Step, begin, find, load, step},
};
use super::{
    Begin, Fingerprint, IdempotencyKey, IdempotencyStore, Owner, RecoveryPoint, RecoveryPoints, StoreFuture,
    StoreOutcome,
    state::{self, Decision, Record},
};
use crate::{
    clock::WallClock,
    error::{Error, ErrorKind, Result},
    sqlite::{Database, Migration},
};

/// What a unit of work finds under its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim<T> {
    /// Nothing: do the work and record it in the same transaction.
    Absent,
    /// The outcome of the first time.
    Replay(T),
    /// The key belongs to another payload.
    Mismatch,
    /// A leased execution is under way.
    InProgress,
}

/// Keeps records in the embedded database, in the table `idempotency`.
///
/// Who waits for a key is woken by a change made through this store or a clone, and sees one made by another process
/// within a second.
///
/// A lease ends at a date, by the wall clock. Of an owner that got it through this store or a clone, the monotonic clock
/// decides, so that a wall clock that is set lets nobody begin beside work that goes on here. Across processes it can:
/// one whose clock is ahead by more than a lease takes every key over. The fence tells the two owners apart, and the
/// first is told [`LostLease`](crate::error::IdempotencyConflict::LostLease).
///
/// Work whose effect lies in the same database needs no lease: [`look_up_in`](Self::look_up_in) and
/// [`record_done_in`](Self::record_done_in) take part in the effect's own transaction. Sweep now and then.
///
/// ```
/// use std::sync::Arc;
/// use fsm_integration_core::{
///     clock::SystemClock,
///     layers::idempotency::{Claim, Fingerprint, IdempotencyKey, SqliteIdempotencyStore},
///     sqlite::{Database, DatabaseConfig},
/// };
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("fsm.db");
/// let database = Database::open(&path, DatabaseConfig::default())?;
/// database.migrate(SqliteIdempotencyStore::MIGRATIONS).await?;
/// let store = SqliteIdempotencyStore::new(database.clone(), Arc::new(SystemClock));
///
/// let fingerprint = Fingerprint::of(br#"{"amount":"10.00"}"#);
/// for expected in [Claim::Absent, Claim::Replay(42)] {
///     let (store, key) = (store.clone(), IdempotencyKey::new("demo", "payment.create", "PAY-1")?);
///     let found = database.write(move |tx| {
///         let found = store.look_up_in::<u32>(tx, &key, fingerprint)?;
///         if found == Claim::Absent {
///             // The effect goes here, and is written together with its outcome or not at all.
///             store.record_done_in(tx, &key, fingerprint, &42)?;
///         }
///         Ok(found)
///     });
///     assert_eq!(found.await?, expected);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqliteIdempotencyStore {
    database: Database,
    clock: Arc<dyn WallClock>,
    ttl: Duration,
    changes: Changes,
    leases: Leases,
}

impl SqliteIdempotencyStore {
    /// How long outcomes live unless said otherwise (requirement I12).
    pub const DEFAULT_TTL: Duration = Duration::from_secs(24 * 60 * 60);

    /// The schema; apply it with [`Database::migrate`] before first use.
    pub const MIGRATIONS: &'static [Migration] = &[
        Migration {
            name: "0001_idempotency",
            sql: "
            CREATE TABLE idempotency (
                id          INTEGER PRIMARY KEY,
                digest      BLOB    NOT NULL,
                scope       TEXT    NOT NULL,
                fingerprint BLOB    NOT NULL,
                owner       BLOB,             -- null once it is done
                fence       INTEGER NOT NULL,
                until       INTEGER NOT NULL, -- end of the lease or of the outcome, ms since 1970
                outcome     TEXT,             -- JSON, null while in progress
                UNIQUE (digest, scope)
            ) STRICT;
            CREATE INDEX idempotency_until ON idempotency (until);
            CREATE TABLE idempotency_fence (value INTEGER NOT NULL) STRICT;
            INSERT INTO idempotency_fence VALUES (0);
        ",
        },
        Migration {
            name: "0002_idempotency_recovery_point",
            // JSON, null before the first point and once it is done.
            sql: "ALTER TABLE idempotency ADD COLUMN point TEXT;",
        },
    ];

    /// Creates a store whose outcomes live for 24 h.
    #[must_use]
    pub fn new(database: Database, clock: Arc<dyn WallClock>) -> Self {
        Self::with_ttl(database, clock, Self::DEFAULT_TTL)
    }

    /// Creates a store whose outcomes live for `ttl`.
    #[must_use]
    pub fn with_ttl(database: Database, clock: Arc<dyn WallClock>, ttl: Duration) -> Self {
        Self { database, clock, ttl, changes: Changes::default(), leases: Leases::default() }
    }

    /// The leases of this process told by another clock than the machine's.
    #[cfg(all(test, feature = "testing"))]
    pub(super) fn with_steady(self, clock: impl crate::clock::Clock) -> Self {
        Self { leases: Leases::with_clock(clock), ..self }
    }

    /// Looks a key up within a unit of work; a [`Tx`](crate::sqlite::Tx) is such a connection.
    ///
    /// # Errors
    /// The database's, or [`ErrorKind::OutcomeUnknown`] when the stored outcome is no `T`.
    pub fn look_up_in<T: DeserializeOwned>(
        &self,
        connection: &Connection,
        key: &IdempotencyKey,
        fingerprint: Fingerprint,
    ) -> Result<Claim<T>> {
        let (mut record, now) = (load(connection, key)?, self.now());
        self.leases.correct(key, &mut record, now, self.leases.now());
        Ok(match state::begin(record.as_ref(), fingerprint, now, millis(self.ttl)) {
            Decision::Acquire { .. } => Claim::Absent,
            Decision::Replay(outcome) => Claim::Replay(decode(outcome)?),
            Decision::Mismatch => Claim::Mismatch,
            Decision::InProgress { .. } => Claim::InProgress,
        })
    }

    /// Records an outcome within the unit of work that had the effect, after it looked up and found nothing.
    ///
    /// # Errors
    /// The database's, or [`ErrorKind::Internal`] when the outcome cannot be serialised.
    pub fn record_done_in<T: Serialize>(
        &self,
        connection: &Connection,
        key: &IdempotencyKey,
        fingerprint: Fingerprint,
        outcome: &T,
    ) -> Result<()> {
        let outcome = encode(outcome)?;
        let until = self.now().saturating_add(millis(self.ttl));
        connection
            .prepare_cached(
                "INSERT INTO idempotency (digest, scope, fingerprint, owner, fence, until, outcome)
                 VALUES (?1, ?2, ?3, NULL, 0, ?4, ?5)
                 ON CONFLICT (digest, scope) DO UPDATE SET
                 fingerprint = excluded.fingerprint, owner = NULL, until = excluded.until, outcome = excluded.outcome,
                 point = NULL",
            )?
            .execute(params![key.digest(), key.scope(), fingerprint.0, until, outcome])?;
        Ok(())
    }

    /// Deletes at most `limit` records whose time is over; returns how many there were.
    ///
    /// A record of a crashed owner stays for the time to live, so that its payload stays bound to its key.
    ///
    /// # Errors
    /// The database's.
    pub async fn sweep(&self, limit: u32) -> Result<usize> {
        let now = self.now();
        let crashed = now.saturating_sub(millis(self.ttl));
        let work = move |connection: &Connection| -> Result<usize> {
            let sql = "DELETE FROM idempotency WHERE id IN (SELECT id FROM idempotency
                       WHERE until <= ?1 AND (owner IS NULL OR until <= ?2) ORDER BY until LIMIT ?3)";
            Ok(connection.prepare_cached(sql)?.execute(params![now, crashed, limit])?)
        };
        self.database.write(move |tx| work(tx)).await
    }

    fn now(&self) -> i64 {
        now(&*self.clock)
    }
}

fn now(clock: &dyn WallClock) -> i64 {
    Timestamp::as_millisecond(clock.timestamp())
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn encode<T: Serialize>(outcome: &T) -> Result<String> {
    serde_json::to_string(outcome)
        .map_err(|error| Error::new(ErrorKind::Internal, "the outcome cannot be serialised").with_source(error))
}

fn decode<T: DeserializeOwned>(outcome: &str) -> Result<T> {
    serde_json::from_str(outcome).map_err(|error| {
        Error::new(ErrorKind::OutcomeUnknown, "the work is done; its stored outcome is of another type")
            .with_source(error)
    })
}

impl SqliteIdempotencyStore {
    fn step<'a>(&'a self, key: &IdempotencyKey, owner: Owner, next: Result<Step>) -> StoreFuture<'a, StoreOutcome> {
        let key = key.clone();
        StoreFuture::boxed(async move {
            let next = next?;
            let (wake, lease, of) = (next.wakes(), next.lease(), key.clone());
            let outcome = self.database.write(move |tx| step(tx, &of, owner, next)).await?;
            if outcome == StoreOutcome::Stored {
                match lease {
                    Kept::For(lease) => self.leases.hold(&key, owner, lease),
                    Kept::AsItIs => {}
                    Kept::NoLonger => self.leases.end(&key, owner),
                }
                self.changes.wake(&key, wake);
            }
            Ok(outcome)
        })
    }
}

impl RecoveryPoints for SqliteIdempotencyStore {
    fn record_point<'a>(
        &'a self,
        key: &'a IdempotencyKey,
        owner: Owner,
        point: RecoveryPoint,
    ) -> StoreFuture<'a, StoreOutcome> {
        self.step(key, owner, encode(&point).map(|point| Step::Record { point }))
    }
}

impl<T> IdempotencyStore<T> for SqliteIdempotencyStore
where
    T: Serialize + DeserializeOwned + Send + 'static,
{
    fn begin<'a>(
        &'a self,
        key: &'a IdempotencyKey,
        fingerprint: Fingerprint,
        owner: Owner,
        lease: Duration,
    ) -> StoreFuture<'a, Begin<T>> {
        StoreFuture::boxed(async move {
            let (of, clock, ttl) = (key.clone(), Arc::clone(&self.clock), millis(self.ttl));
            let (leases, steady) = (self.leases.clone(), self.leases.now());
            let bid = move || {
                let (now, leases) = (now(&*clock), leases.clone());
                Bid { fingerprint, owner, now, steady, until: now.saturating_add(millis(lease)), ttl, leases }
            };
            // A replay is read beside the writer; what is free is looked at again where it is taken.
            let (taken, bid_now) = (of.clone(), bid());
            let begun = match self.database.read(move |connection| find(connection, &of, &bid_now)).await? {
                Found::Answer(answer) => answer,
                Found::Free(_) => self.database.write(move |tx| begin(tx, &taken, &bid())).await?,
            };
            if matches!(begun, Begin::Won(_) | Begin::Resumed(..)) {
                self.leases.hold(key, owner, lease);
            }
            Ok(match begun {
                Begin::Done(outcome) => Begin::Done(decode(&outcome)?),
                Begin::Won(lease) => Begin::Won(lease),
                Begin::Resumed(lease, point) => Begin::Resumed(lease, point),
                Begin::Mismatch => Begin::Mismatch,
                Begin::InProgress { left } => Begin::InProgress { left },
            })
        })
    }

    fn renew<'a>(&'a self, key: &'a IdempotencyKey, owner: Owner, lease: Duration) -> StoreFuture<'a, StoreOutcome> {
        self.step(key, owner, Ok(Step::Renew { until: self.now().saturating_add(millis(lease)), lease }))
    }

    fn complete<'a>(&'a self, key: &'a IdempotencyKey, owner: Owner, outcome: &T) -> StoreFuture<'a, StoreOutcome> {
        let until = self.now().saturating_add(millis(self.ttl));
        self.step(key, owner, encode(outcome).map(|outcome| Step::Complete { until, outcome }))
    }

    fn release<'a>(&'a self, key: &'a IdempotencyKey, owner: Owner) -> StoreFuture<'a, StoreOutcome> {
        self.step(key, owner, Ok(Step::Release { now: self.now() }))
    }

    /// Best effort: without a runtime the lease runs out instead.
    fn abandon(&self, key: &IdempotencyKey, owner: Owner) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (store, key) = (self.clone(), key.clone());
        runtime.spawn(async move {
            match IdempotencyStore::<T>::release(&store, &key, owner).await {
                Ok(StoreOutcome::Stored) => {}
                // It may have been woken to take over, and gone before it did: the next one looks instead.
                Ok(StoreOutcome::LostLease) => store.changes.wake(&key, Wake::One),
                Err(error) => tracing::warn!(%key, %error, "idempotency.release_failed"),
            }
        });
    }

    fn changed<'a>(&'a self, key: &'a IdempotencyKey) -> StoreFuture<'a, ()> {
        StoreFuture::boxed(async move {
            // Waits from before it looks, so that no change falls between.
            let change = self.changes.wait(key);
            let of = key.clone();
            let (mut record, now) = (self.database.read(move |connection| load(connection, &of)).await?, self.now());
            self.leases.correct(key, &mut record, now, self.leases.now());
            if matches!(record, Some(Record::InProgress { until, .. }) if now < until) {
                change.seen().await;
            }
            Ok(())
        })
    }
}

impl fmt::Debug for SqliteIdempotencyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteIdempotencyStore").field("ttl", &self.ttl).finish_non_exhaustive()
    }
}
