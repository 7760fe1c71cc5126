//! A part of the keyed map: states by key, a cap, and eviction of who is idle; takes `now`, does no I/O.

use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};

use super::gcra::{Gcra, Verdict};

/// Below this many keys a sweep is not worth its time.
const SMALL: usize = 64;

/// States by key; a key whose bucket is full again is the same as an unknown one, so it may go.
#[derive(Debug)]
pub(super) struct Shard<K> {
    states: HashTable<(K, u64)>,
    max_keys: usize,
    /// The number of keys at which to look for idle ones: twice what the last sweep left, so that
    /// sweeping costs a constant for each new key.
    sweep_at: usize,
    /// No sooner than this, or a full shard would be swept for each new key.
    sweep_after: u64,
}

/// How a key is found and made.
pub(super) struct Lookup<'a, Q: ?Sized, M> {
    pub(super) hash: u64,
    pub(super) key: &'a Q,
    pub(super) make: M,
    pub(super) hasher: &'a DefaultHashBuilder,
}

impl<K: Hash + Eq> Shard<K> {
    pub(super) fn new(max_keys: usize) -> Self {
        Self { states: HashTable::new(), max_keys, sweep_at: SMALL, sweep_after: 0 }
    }

    /// Decides about a call of a key; `None` when there is no room for a key that is new.
    pub(super) fn decide<Q, M>(&mut self, lookup: Lookup<'_, Q, M>, gcra: &Gcra, now: u64, cost: u32) -> Option<Verdict>
    where
        Q: Eq + ?Sized,
        K: std::borrow::Borrow<Q>,
        M: FnOnce(&Q) -> K,
    {
        let Lookup { hash, key, make, hasher } = lookup;
        if let Some((_, full_at)) = self.states.find_mut(hash, |(known, _)| known.borrow() == key) {
            let verdict = gcra.decide(*full_at, now, cost);
            *full_at = verdict.full_at;
            return Some(verdict);
        }
        let verdict = gcra.decide(0, now, cost);
        // A look or a refusal leaves the bucket full: there is nothing to remember.
        if verdict.full_at > now {
            if !self.has_room(hasher, now, gcra.fill_time()) {
                return None;
            }
            self.states.insert_unique(hash, (make(key), verdict.full_at), |(known, _)| hasher.hash_one(known));
        }
        Some(verdict)
    }

    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    /// Changes the state of a key that is known.
    pub(super) fn update(&mut self, hash: u64, key: &K, change: impl FnOnce(u64) -> u64) -> bool {
        let state = self.states.find_mut(hash, |(known, _)| known == key);
        state.map(|(_, full_at)| *full_at = change(*full_at)).is_some()
    }

    fn has_room(&mut self, hasher: &DefaultHashBuilder, now: u64, fill_time: u64) -> bool {
        if self.states.len() >= self.sweep_at.min(self.max_keys) && now >= self.sweep_after {
            self.sweep(hasher, now, fill_time);
        }
        self.states.len() < self.max_keys
    }

    fn sweep(&mut self, hasher: &DefaultHashBuilder, now: u64, fill_time: u64) {
        self.states.retain(|(_, full_at)| *full_at > now);
        self.sweep_at = (2 * self.states.len()).max(SMALL);
        self.sweep_after = now.saturating_add(fill_time / 16);
        if self.states.capacity() > 2 * self.sweep_at {
            self.states.shrink_to(self.sweep_at, |(known, _)| hasher.hash_one(known));
        }
    }
}
