use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{
    Begin, Fingerprint, IdempotencyKey, IdempotencyStore, Lease, Owner, StoreFuture, StoreOutcome,
    state::{self, Decision, Record},
};
use crate::{
    clock::{Clock, SystemClock},
    error::{Error, ErrorKind},
};

/// Keeps records in this process, up to a capacity.
///
/// Answers at once. At capacity the oldest outcome is dropped before its time, with a warning: choose the
/// capacity by rate times time to live. Work in progress is never dropped; when nothing else is left, new
/// work is refused.
pub struct MemoryIdempotencyStore<T, C = SystemClock> {
    records: Mutex<Records<T>>,
    capacity: usize,
    ttl: Duration,
    clock: C,
    began: Instant,
}

struct Records<T> {
    by_key: HashMap<IdempotencyKey, Entry<T>>,
    /// Outcomes in order of completion, which is the order of expiry.
    done: VecDeque<(i64, IdempotencyKey)>,
    last_fence: u64,
    warned: bool,
}

struct Entry<T> {
    record: Record<T>,
    /// Made by the first repetition that waits.
    waiting: Option<Arc<Notify>>,
}

impl<T> Default for MemoryIdempotencyStore<T> {
    /// A store of 100 000 outcomes, each for 24 h (requirement I12).
    fn default() -> Self {
        Self::new(100_000, Duration::from_secs(24 * 60 * 60))
    }
}

impl<T> MemoryIdempotencyStore<T> {
    /// Creates a store of so many records, whose outcomes live for `ttl`.
    #[must_use]
    pub fn new(capacity: usize, ttl: Duration) -> Self {
        Self::with_clock(capacity, ttl, SystemClock)
    }
}

impl<T, C: Clock> MemoryIdempotencyStore<T, C> {
    /// Creates a store that tells the time by `clock`.
    #[must_use]
    pub fn with_clock(capacity: usize, ttl: Duration, clock: C) -> Self {
        let records = Records { by_key: HashMap::new(), done: VecDeque::new(), last_fence: 0, warned: false };
        let began = clock.now();
        Self { records: Mutex::new(records), capacity: capacity.max(1), ttl, clock, began }
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.lock().by_key.len()
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn now(&self) -> i64 {
        millis(self.clock.now().saturating_duration_since(self.began))
    }

    fn give_back(&self, key: &IdempotencyKey, owner: Owner) -> StoreOutcome {
        let mut records = self.records.lock();
        if !state::owns(records.by_key.get(key).map(|entry| &entry.record), owner) {
            return StoreOutcome::LostLease;
        }
        let entry = records.by_key.remove(key);
        drop(records);
        if let Some(waiting) = entry.and_then(|entry| entry.waiting) {
            waiting.notify_waiters();
        }
        StoreOutcome::Stored
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl<T: Clone> Records<T> {
    fn begin(
        &mut self,
        key: &IdempotencyKey,
        fingerprint: Fingerprint,
        owner: Owner,
        (now, lease): (i64, Duration),
        capacity: usize,
    ) -> Result<Begin<T>, Error> {
        self.drop_expired(now);
        let mut entry = self.by_key.get_mut(key);
        match state::begin(entry.as_deref().map(|entry| &entry.record), fingerprint, now) {
            Decision::Replay(outcome) => return Ok(Begin::Done(outcome.clone())),
            Decision::Mismatch => return Ok(Begin::Mismatch),
            Decision::InProgress { left } => {
                return Ok(Begin::InProgress { left: Duration::from_millis(left.unsigned_abs()) });
            }
            Decision::Acquire => {}
        }
        let fence = self.last_fence + 1;
        let lease_of_owner = Lease { owner, fence };
        let record =
            Record::InProgress { lease: lease_of_owner, fingerprint, until: now.saturating_add(millis(lease)) };
        if let Some(entry) = &mut entry {
            entry.record = record;
        } else {
            if self.by_key.len() >= capacity {
                self.make_room(now)?;
            }
            self.by_key.insert(key.clone(), Entry { record, waiting: None });
        }
        self.last_fence = fence;
        Ok(Begin::Won(lease_of_owner))
    }

    /// Drops a few outcomes whose time is over, so that no single call pays for many.
    fn drop_expired(&mut self, now: i64) {
        for _ in 0..2 {
            if self.done.front().is_none_or(|(until, _)| now < *until) {
                return;
            }
            self.drop_oldest();
        }
    }

    /// Drops the oldest outcome; `false` when there is none.
    fn drop_oldest(&mut self) -> bool {
        while let Some((until, key)) = self.done.pop_front() {
            // The key may have been begun anew since this outcome expired.
            let same = |entry: &Entry<T>| matches!(entry.record, Record::Done { until: kept, .. } if kept == until);
            if self.by_key.get(&key).is_some_and(same) {
                self.by_key.remove(&key);
                return true;
            }
        }
        false
    }

    fn make_room(&mut self, now: i64) -> Result<(), Error> {
        if self.drop_oldest() {
            if !std::mem::replace(&mut self.warned, true) {
                tracing::warn!("idempotency.memory_full: outcomes are dropped before their time; raise the capacity");
            }
            return Ok(());
        }
        let before = self.by_key.len();
        self.by_key.retain(|_, entry| !matches!(entry.record, Record::InProgress { until, .. } if until <= now));
        if self.by_key.len() < before {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unavailable, "the idempotency store is full of work in progress; raise its capacity"))
    }
}

impl<T: Clone + Send + 'static, C: Clock> IdempotencyStore<T> for MemoryIdempotencyStore<T, C> {
    fn begin<'a>(
        &'a self,
        key: &'a IdempotencyKey,
        fingerprint: Fingerprint,
        owner: Owner,
        lease: Duration,
    ) -> StoreFuture<'a, Begin<T>> {
        let now = self.now();
        StoreFuture::ready(self.records.lock().begin(key, fingerprint, owner, (now, lease), self.capacity))
    }

    fn renew<'a>(&'a self, key: &'a IdempotencyKey, owner: Owner, lease: Duration) -> StoreFuture<'a, StoreOutcome> {
        let now = self.now();
        let mut records = self.records.lock();
        let mut outcome = StoreOutcome::LostLease;
        if let Some(Entry { record: Record::InProgress { lease: held, until, .. }, .. }) = records.by_key.get_mut(key)
            && held.owner == owner
        {
            *until = now.saturating_add(millis(lease));
            outcome = StoreOutcome::Stored;
        }
        StoreFuture::ready(Ok(outcome))
    }

    fn complete<'a>(&'a self, key: &'a IdempotencyKey, owner: Owner, outcome: &T) -> StoreFuture<'a, StoreOutcome> {
        let until = self.now().saturating_add(millis(self.ttl));
        let mut records = self.records.lock();
        let Records { by_key, done, .. } = &mut *records;
        let Some(entry) = by_key.get_mut(key).filter(|entry| state::owns(Some(&entry.record), owner)) else {
            return StoreFuture::ready(Ok(StoreOutcome::LostLease));
        };
        let (Record::InProgress { fingerprint, .. } | Record::Done { fingerprint, .. }) = entry.record;
        entry.record = Record::Done { fingerprint, outcome: outcome.clone(), until };
        let waiting = entry.waiting.take();
        done.push_back((until, key.clone()));
        drop(records);
        if let Some(waiting) = waiting {
            waiting.notify_waiters();
        }
        StoreFuture::ready(Ok(StoreOutcome::Stored))
    }

    fn release<'a>(&'a self, key: &'a IdempotencyKey, owner: Owner) -> StoreFuture<'a, StoreOutcome> {
        StoreFuture::ready(Ok(self.give_back(key, owner)))
    }

    fn abandon(&self, key: &IdempotencyKey, owner: Owner) {
        self.give_back(key, owner);
    }

    fn changed<'a>(&'a self, key: &'a IdempotencyKey) -> StoreFuture<'a, ()> {
        let mut records = self.records.lock();
        match records.by_key.get_mut(key) {
            Some(Entry { record: Record::InProgress { .. }, waiting }) => {
                // Made under the lock: a change after it cannot be missed, one before it was seen above.
                let notified = Arc::clone(waiting.get_or_insert_default()).notified_owned();
                StoreFuture::boxed(async move {
                    notified.await;
                    Ok(())
                })
            }
            _ => StoreFuture::ready(Ok(())),
        }
    }
}

impl<T, C> fmt::Debug for MemoryIdempotencyStore<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryIdempotencyStore")
            .field("len", &self.records.lock().by_key.len())
            .field("capacity", &self.capacity)
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}
