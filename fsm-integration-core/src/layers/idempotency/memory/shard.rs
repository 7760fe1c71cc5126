use std::{collections::VecDeque, mem, sync::Arc};

use hashbrown::HashTable;
use tokio::sync::Notify;

use crate::{
    error::{Error, ErrorKind},
    layers::idempotency::{
        Begin, Fingerprint, IdempotencyKey, Lease, Owner, RecoveryPoint, StoreOutcome,
        state::{self, Decision, Record},
    },
};

/// A key with the hash that finds it.
#[derive(Clone, Copy)]
pub(super) struct Hashed<'a> {
    pub(super) key: &'a IdempotencyKey,
    pub(super) hash: u64,
}

/// The records of some of the keys; times in nanoseconds since the store was made.
pub(super) struct Shard<T> {
    table: HashTable<Entry<T>>,
    /// Outcomes in the order in which their time to live ends.
    outcomes: VecDeque<Expiry>,
    /// Recovery points that were given back, likewise; apart, since they make room only after all outcomes.
    points: VecDeque<Expiry>,
    pub(super) capacity: usize,
    warned: bool,
}

struct Entry<T> {
    hash: u64,
    key: IdempotencyKey,
    /// The fence of the record's latest owner, which no other record has.
    serial: u64,
    record: Record<T>,
    /// Boxed: most records are never waited for.
    waiting: Option<Box<Waiting>>,
}

/// Repetitions that wait for a change of a record.
struct Waiting {
    change: Arc<Notify>,
    count: usize,
}

struct Expiry {
    at: i64,
    hash: u64,
    serial: u64,
}

/// Whom to tell of a change, once the lock is open.
#[must_use]
pub(super) enum Wake {
    Nobody,
    /// One takes over; it wakes the next if it goes away instead.
    One(Arc<Notify>),
    All(Arc<Notify>),
}

impl Wake {
    #[inline]
    pub(super) fn wake(self) {
        match self {
            Self::Nobody => {}
            Self::One(change) => change.notify_one(),
            Self::All(change) => change.notify_waiters(),
        }
    }
}

/// What begins: who, for how long, with what.
pub(super) struct Bid {
    pub(super) fingerprint: Fingerprint,
    pub(super) owner: Owner,
    pub(super) until: i64,
    pub(super) now: i64,
    pub(super) ttl: i64,
}

impl<T> Shard<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { table: HashTable::new(), outcomes: VecDeque::new(), points: VecDeque::new(), capacity, warned: false }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    #[cfg(test)]
    pub(super) fn notes(&self) -> usize {
        self.outcomes.len() + self.points.len()
    }

    #[inline]
    fn find(&mut self, Hashed { key, hash }: Hashed<'_>) -> Option<&mut Entry<T>> {
        self.table.find_mut(hash, |entry| entry.hash == hash && entry.key == *key)
    }

    /// The record if this owner has it.
    #[inline]
    fn owned(&mut self, key: Hashed<'_>, owner: Owner) -> Option<&mut Entry<T>> {
        self.find(key).filter(|entry| state::owns(&entry.record, owner))
    }

    #[inline]
    pub(super) fn begin(&mut self, key: Hashed<'_>, bid: &Bid, fence: impl FnOnce() -> u64) -> Result<Begin<T>, Error>
    where
        T: Clone,
    {
        self.drop_expired(bid.now);
        let Some(entry) = self.find(key) else { return self.insert(key, bid, fence()) };
        let resumed = match state::begin(Some(&entry.record), bid.fingerprint, bid.now, bid.ttl) {
            Decision::Replay(outcome) => return Ok(Begin::Done(outcome.clone())),
            Decision::Mismatch => return Ok(Begin::Mismatch),
            Decision::InProgress { left } => {
                return Ok(Begin::InProgress { left: std::time::Duration::from_nanos(left.unsigned_abs()) });
            }
            Decision::Acquire { resumed } => resumed.cloned(),
        };
        entry.serial = fence();
        entry.record = bid.record(entry.serial, resumed.clone());
        Ok(bid.won(entry.serial, resumed))
    }

    fn insert(&mut self, Hashed { key, hash }: Hashed<'_>, bid: &Bid, fence: u64) -> Result<Begin<T>, Error> {
        if self.table.len() >= self.capacity {
            self.make_room(bid.now)?;
        }
        let entry = Entry { hash, key: key.clone(), serial: fence, record: bid.record(fence, None), waiting: None };
        self.table.insert_unique(hash, entry, |entry| entry.hash);
        Ok(bid.won(fence, None))
    }

    /// A finished outcome of the same payload.
    #[inline]
    pub(super) fn recall(&mut self, key: Hashed<'_>, fingerprint: Fingerprint, now: i64) -> Option<&T> {
        self.drop_expired(now);
        match &self.find(key)?.record {
            Record::Done { fingerprint: known, outcome, until } if *known == fingerprint && now < *until => {
                Some(outcome)
            }
            _ => None,
        }
    }

    /// Keeps a finished outcome in the place of the one that was there.
    pub(super) fn remember(&mut self, key: Hashed<'_>, record: Record<T>, serial: u64) {
        let Record::Done { until, .. } = record else { return };
        self.remove(key);
        if self.table.len() >= self.capacity {
            let _ = drop_oldest(&mut self.outcomes, &mut self.table) || drop_oldest(&mut self.points, &mut self.table);
        }
        let entry = Entry { hash: key.hash, key: key.key.clone(), serial, record, waiting: None };
        self.table.insert_unique(key.hash, entry, |entry| entry.hash);
        note(&mut self.outcomes, &self.table, self.capacity, Expiry { at: until, hash: key.hash, serial });
    }

    pub(super) fn renew(&mut self, key: Hashed<'_>, owner: Owner, lease_until: i64) -> StoreOutcome {
        let Some(entry) = self.owned(key, owner) else { return StoreOutcome::LostLease };
        if let Record::InProgress { until, .. } = &mut entry.record {
            *until = lease_until;
        }
        StoreOutcome::Stored
    }

    pub(super) fn record_point(&mut self, key: Hashed<'_>, owner: Owner, reached: RecoveryPoint) -> StoreOutcome {
        let Some(entry) = self.owned(key, owner) else { return StoreOutcome::LostLease };
        if let Record::InProgress { point, .. } = &mut entry.record {
            *point = Some(Arc::new(reached));
        }
        StoreOutcome::Stored
    }

    #[inline]
    pub(super) fn complete(&mut self, key: Hashed<'_>, owner: Owner, outcome: T, until: i64) -> (StoreOutcome, Wake) {
        let Some(entry) = self.owned(key, owner) else { return (StoreOutcome::LostLease, Wake::Nobody) };
        let (Record::InProgress { fingerprint, .. } | Record::Done { fingerprint, .. }) = entry.record;
        entry.record = Record::Done { fingerprint, outcome, until };
        let wake = entry.waiting.take().map_or(Wake::Nobody, |waiting| Wake::All(waiting.change));
        let expiry = Expiry { at: until, hash: key.hash, serial: entry.serial };
        note(&mut self.outcomes, &self.table, self.capacity, expiry);
        (StoreOutcome::Stored, wake)
    }

    /// Ends the owner's lease; what must outlive it stays: a recovery point, or those who wait to take over.
    pub(super) fn release(
        &mut self,
        key: Hashed<'_>,
        owner: Owner,
        now: i64,
        point_until: i64,
    ) -> (StoreOutcome, Wake) {
        let Some(entry) = self.owned(key, owner) else { return (StoreOutcome::LostLease, Wake::Nobody) };
        let wake = entry.waiting.as_ref().map_or(Wake::Nobody, |waiting| Wake::One(Arc::clone(&waiting.change)));
        let serial = entry.serial;
        let Record::InProgress { lease, until, point, .. } = &mut entry.record else {
            return (StoreOutcome::LostLease, Wake::Nobody);
        };
        (lease.owner, *until) = (Owner::NOBODY, now);
        if point.is_some() {
            let expiry = Expiry { at: point_until, hash: key.hash, serial };
            note(&mut self.points, &self.table, self.capacity, expiry);
        } else if matches!(wake, Wake::Nobody) {
            self.remove(key);
        }
        (StoreOutcome::Stored, wake)
    }

    /// Joins those who wait for a change; `None` when there is nothing to wait for.
    pub(super) fn join(&mut self, key: Hashed<'_>) -> Option<Arc<Notify>> {
        let entry = self.find(key)?;
        if !matches!(entry.record, Record::InProgress { lease, .. } if lease.owner != Owner::NOBODY) {
            return None;
        }
        let waiting = entry.waiting.get_or_insert_with(|| Box::new(Waiting { change: Arc::default(), count: 0 }));
        waiting.count += 1;
        Some(Arc::clone(&waiting.change))
    }

    /// Leaves those who wait; the last one takes along what was kept for them only.
    pub(super) fn leave(&mut self, key: Hashed<'_>, change: &Arc<Notify>) {
        let Some(entry) = self.find(key) else { return };
        let Some(waiting) = entry.waiting.as_mut().filter(|waiting| Arc::ptr_eq(&waiting.change, change)) else {
            return;
        };
        waiting.count -= 1;
        if waiting.count > 0 {
            return;
        }
        entry.waiting = None;
        if matches!(&entry.record, Record::InProgress { lease, point: None, .. } if lease.owner == Owner::NOBODY) {
            self.remove(key);
        }
    }

    fn remove(&mut self, Hashed { key, hash }: Hashed<'_>) {
        if let Ok(entry) = self.table.find_entry(hash, |entry| entry.hash == hash && entry.key == *key) {
            entry.remove();
        }
    }

    /// Drops a few records whose time is over, so that no single call pays for many.
    #[inline]
    fn drop_expired(&mut self, now: i64) {
        for notes in [&mut self.outcomes, &mut self.points] {
            for _ in 0..2 {
                if notes.front().is_none_or(|expiry| now < expiry.at) {
                    break;
                }
                drop_first(notes, &mut self.table);
            }
        }
    }

    #[cold]
    fn make_room(&mut self, now: i64) -> Result<(), Error> {
        if drop_oldest(&mut self.outcomes, &mut self.table) {
            if !mem::replace(&mut self.warned, true) {
                tracing::warn!("idempotency.memory_full: outcomes are dropped before their time; raise the capacity");
            }
            return Ok(());
        }
        if drop_oldest(&mut self.points, &mut self.table) {
            return Ok(());
        }
        let before = self.table.len();
        let crashed = |entry: &Entry<T>| {
            entry.waiting.is_none() && matches!(entry.record, Record::InProgress { until, .. } if until <= now)
        };
        self.table.retain(|entry| !crashed(entry));
        if self.table.len() < before {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unavailable, "the idempotency store is full of work in progress; raise its capacity"))
    }
}

/// Notes when a record's time is over; notes of records that were begun anew meanwhile are kept in bounds.
#[inline]
fn note<T>(notes: &mut VecDeque<Expiry>, table: &HashTable<Entry<T>>, capacity: usize, expiry: Expiry) {
    if notes.len() > 2 * capacity {
        notes.retain(|old| table.find(old.hash, |entry| entry.serial == old.serial).is_some());
    }
    notes.push_back(expiry);
}

/// Drops the record of the first note, unless the key was begun anew since: then the record has another serial.
#[cold]
fn drop_first<T>(notes: &mut VecDeque<Expiry>, table: &mut HashTable<Entry<T>>) -> bool {
    let Some(Expiry { hash, serial, .. }) = notes.pop_front() else { return false };
    let found = table.find_entry(hash, |entry| entry.serial == serial && entry.waiting.is_none());
    let Ok(entry) = found else { return false };
    entry.remove();
    true
}

/// Drops the record that expires first; `false` when there is none.
#[cold]
fn drop_oldest<T>(notes: &mut VecDeque<Expiry>, table: &mut HashTable<Entry<T>>) -> bool {
    while !notes.is_empty() {
        if drop_first(notes, table) {
            return true;
        }
    }
    false
}

impl Bid {
    #[inline]
    fn record<T>(&self, fence: u64, point: Option<Arc<RecoveryPoint>>) -> Record<T> {
        let lease = Lease { owner: self.owner, fence };
        Record::InProgress { lease, fingerprint: self.fingerprint, until: self.until, point }
    }

    #[inline]
    fn won<T>(&self, fence: u64, resumed: Option<Arc<RecoveryPoint>>) -> Begin<T> {
        let lease = Lease { owner: self.owner, fence };
        resumed.map_or(Begin::Won(lease), |point| Begin::Resumed(lease, point))
    }
}
