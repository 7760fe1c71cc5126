use std::{mem, sync::Arc, time::Duration};

use tokio::sync::Notify;

use super::{
    entries::{Entries, Entry, Order},
    waiting::Wake,
};
use crate::{
    error::{Error, ErrorKind},
    layers::idempotency::{
        Begin, Fingerprint, IdempotencyKey, Lease, Owner, RecoveryPoint, StoreOutcome,
        state::{self, Decision, Record},
    },
};

/// The records of some of the keys; times in nanoseconds since the store was made.
pub(super) struct Shard<T> {
    entries: Entries<T>,
    capacity: usize,
    ttl: i64,
    warned: bool,
}

/// What begins: who, for how long, with what.
pub(super) struct Bid {
    pub(super) fingerprint: Fingerprint,
    pub(super) owner: Owner,
    pub(super) until: i64,
    pub(super) now: i64,
}

impl<T> Shard<T> {
    pub(super) fn new(capacity: usize, ttl: i64) -> Self {
        Self { entries: Entries::new(), capacity: capacity.min(Entries::<T>::MOST), ttl, warned: false }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    #[cfg(test)]
    pub(super) fn slots(&self) -> usize {
        self.entries.slots()
    }

    /// The record if this owner has it.
    #[inline]
    fn owned(&self, key: &IdempotencyKey, owner: Owner) -> Option<u32> {
        self.entries.find(key).filter(|slot| state::owns(&self.entries[*slot].record, owner))
    }

    /// Takes the key, or says who has it; what is kept no longer for that is to be dropped once the lock is open.
    #[inline]
    pub(super) fn begin(
        &mut self,
        key: &IdempotencyKey,
        bid: &Bid,
        fence: impl FnOnce() -> u64,
        gone: &mut Option<T>,
    ) -> Result<Begin<T>, Error>
    where
        T: Clone,
    {
        let Some(slot) = self.entries.find(key) else { return self.insert(key, bid, fence(), gone) };
        let entry = &self.entries[slot];
        let resumed = match state::begin(Some(&entry.record), bid.fingerprint, bid.now, self.ttl) {
            Decision::Replay(outcome) => return Ok(Begin::Done(outcome.clone())),
            Decision::Mismatch => return Ok(Begin::Mismatch),
            Decision::InProgress { left } => {
                return Ok(Begin::InProgress { left: Duration::from_nanos(left.unsigned_abs()) });
            }
            Decision::Acquire { resumed } => resumed.cloned(),
        };
        let fence = fence();
        self.entries.unlink(slot);
        let record = bid.record(fence, resumed.clone());
        *gone = mem::replace(&mut self.entries[slot].record, record).into_outcome();
        Ok(bid.won(fence, resumed))
    }

    #[inline]
    fn insert(&mut self, key: &IdempotencyKey, bid: &Bid, fence: u64, gone: &mut Option<T>) -> Result<Begin<T>, Error> {
        if self.len() >= self.capacity {
            self.make_room(bid.now, gone)?;
        }
        self.entries.insert(key, || bid.record(fence, None));
        Ok(bid.won(fence, None))
    }

    /// A finished outcome of the same payload.
    #[inline]
    pub(super) fn recall(&self, key: &IdempotencyKey, fingerprint: Fingerprint, now: i64) -> Option<&T> {
        match &self.entries[self.entries.find(key)?].record {
            Record::Done { fingerprint: known, outcome, until } if *known == fingerprint && now < *until => {
                Some(outcome)
            }
            _ => None,
        }
    }

    /// Keeps a finished outcome in the place of the one that was there, or of the oldest; returns that.
    pub(super) fn remember(
        &mut self,
        key: &IdempotencyKey,
        fingerprint: Fingerprint,
        outcome: T,
        until: i64,
    ) -> Option<T> {
        let is_full = self.len() >= self.capacity;
        let gives_way = self.entries.find(key).or_else(|| self.oldest().filter(|_| is_full));
        let mut gone = None;
        if let Some(slot) = gives_way {
            self.entries.remove(slot, &mut gone);
        }
        let slot = self.entries.insert(key, || Record::Done { fingerprint, outcome, until });
        self.entries.append(slot, Order::Outcomes);
        gone
    }

    pub(super) fn renew(&mut self, key: &IdempotencyKey, owner: Owner, lease_until: i64) -> StoreOutcome {
        let Some(slot) = self.owned(key, owner) else { return StoreOutcome::LostLease };
        if let Record::InProgress { until, .. } = &mut self.entries[slot].record {
            *until = lease_until;
        }
        StoreOutcome::Stored
    }

    pub(super) fn record_point(&mut self, key: &IdempotencyKey, owner: Owner, reached: RecoveryPoint) -> StoreOutcome {
        let Some(slot) = self.owned(key, owner) else { return StoreOutcome::LostLease };
        if let Record::InProgress { point, .. } = &mut self.entries[slot].record {
            *point = Some(Arc::new(reached));
        }
        StoreOutcome::Stored
    }

    /// Keeps the owner's outcome; gives it back if the lease is lost.
    #[inline]
    pub(super) fn complete(&mut self, key: &IdempotencyKey, owner: Owner, outcome: T, now: i64) -> Result<Wake, T> {
        let Some(slot) = self.owned(key, owner) else { return Err(outcome) };
        let entry = &mut self.entries[slot];
        let (Record::InProgress { fingerprint, .. } | Record::Done { fingerprint, .. }) = entry.record;
        entry.record = Record::Done { fingerprint, outcome, until: now.saturating_add(self.ttl) };
        let wake = entry.waiting.take().map_or(Wake::Nobody, |waiting| Wake::All(waiting.change));
        self.entries.append(slot, Order::Outcomes);
        Ok(wake)
    }

    /// Ends the owner's lease; what must outlive it stays: a recovery point, or those who wait to take over.
    pub(super) fn release(&mut self, key: &IdempotencyKey, owner: Owner, now: i64) -> (StoreOutcome, Wake) {
        let Some(slot) = self.owned(key, owner) else { return (StoreOutcome::LostLease, Wake::Nobody) };
        let entry = &mut self.entries[slot];
        if let Record::InProgress { lease, until, .. } = &mut entry.record {
            (lease.owner, *until) = (Owner::NOBODY, now);
        }
        let wake = entry.waiting.as_ref().map_or(Wake::Nobody, |waiting| Wake::One(Arc::clone(&waiting.change)));
        self.let_go(slot);
        (StoreOutcome::Stored, wake)
    }

    /// Joins those who wait for a change; `None` when there is nothing to wait for.
    pub(super) fn join(&mut self, key: &IdempotencyKey) -> Option<Arc<Notify>> {
        let slot = self.entries.find(key)?;
        let entry = &mut self.entries[slot];
        if !matches!(entry.record, Record::InProgress { lease, .. } if lease.owner != Owner::NOBODY) {
            return None;
        }
        let waiting = entry.waiting.get_or_insert_default();
        waiting.count += 1;
        Some(Arc::clone(&waiting.change))
    }

    /// Leaves those who wait; the last one takes along what was kept for them only.
    pub(super) fn leave(&mut self, key: &IdempotencyKey, change: &Arc<Notify>) {
        let Some(slot) = self.entries.find(key) else { return };
        let entry = &mut self.entries[slot];
        let Some(waiting) = entry.waiting.as_mut().filter(|waiting| Arc::ptr_eq(&waiting.change, change)) else {
            return;
        };
        waiting.count -= 1;
        if waiting.count == 0 {
            entry.waiting = None;
            self.let_go(slot);
        }
    }

    /// What nobody has and nobody waits for: a recovery point stays for a time to live, anything else goes.
    fn let_go(&mut self, slot: u32) {
        let entry = &self.entries[slot];
        let Record::InProgress { lease, point, .. } = &entry.record else { return };
        if lease.owner != Owner::NOBODY || entry.waiting.is_some() {
            return;
        }
        if point.is_some() {
            self.entries.append(slot, Order::Points);
        } else {
            self.entries.remove(slot, &mut None);
        }
    }

    /// Whether there is a record whose time is over.
    #[inline]
    pub(super) fn has_expired(&self, now: i64) -> bool {
        self.expired(Order::Outcomes, now).or_else(|| self.expired(Order::Points, now)).is_some()
    }

    /// Takes a few records out whose time is over, so that no single call pays for many; returns their outcomes.
    pub(super) fn take_expired(&mut self, now: i64) -> [Option<T>; 4] {
        let [outcomes, points] = [Order::Outcomes, Order::Points];
        [outcomes, outcomes, points, points].map(|order| {
            let mut gone = None;
            if let Some(slot) = self.expired(order, now) {
                self.entries.remove(slot, &mut gone);
            }
            gone
        })
    }

    /// The record whose time was over first.
    #[inline]
    fn expired(&self, order: Order, now: i64) -> Option<u32> {
        self.entries.first(order).filter(|slot| self.entries[*slot].over_at(self.ttl) <= now)
    }

    /// The record that gives way first.
    #[inline]
    fn oldest(&self) -> Option<u32> {
        self.entries.first(Order::Outcomes).or_else(|| self.entries.first(Order::Points))
    }

    /// Makes one record give way.
    #[inline]
    fn make_room(&mut self, now: i64, gone: &mut Option<T>) -> Result<(), Error> {
        if !self.warned && self.entries.first(Order::Outcomes).is_some() {
            self.warn();
        }
        match self.oldest() {
            Some(slot) => self.entries.remove(slot, gone),
            None => self.drop_crashed(now)?,
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn warn(&mut self) {
        self.warned = true;
        tracing::warn!("idempotency.memory_full: outcomes are dropped before their time; raise the capacity");
    }

    /// Drops all work whose lease ran out and that nobody waits for.
    #[cold]
    #[inline(never)]
    fn drop_crashed(&mut self, now: i64) -> Result<(), Error> {
        let before = self.len();
        for slot in 0..self.entries.slots() as u32 {
            if self.entries.get(slot).is_some_and(|entry| entry.crashed(now)) {
                self.entries.remove(slot, &mut None);
            }
        }
        if self.len() < before {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unavailable, "the idempotency store is full of work in progress; raise its capacity"))
    }
}

impl<T> Entry<T> {
    /// When its time is over: an outcome's own, or a time to live after the lease.
    #[inline]
    fn over_at(&self, ttl: i64) -> i64 {
        match &self.record {
            Record::Done { until, .. } => *until,
            Record::InProgress { until, .. } => until.saturating_add(ttl),
        }
    }

    fn crashed(&self, now: i64) -> bool {
        self.waiting.is_none() && matches!(self.record, Record::InProgress { until, .. } if until <= now)
    }
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
