//! A part of the keyed map: states by key, a cap, and eviction of who is idle; takes `now`, does no I/O.

use std::{
    borrow::Borrow,
    hash::{BuildHasher, Hash},
    num::NonZeroU64,
    task::Waker,
};

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{
    gcra::{Attempt, Gcra},
    queue::Queue,
    table::{Table, nonzero},
    wait::{State, Visit},
};

/// Below this many keys a sweep is not worth its time.
const SMALL: usize = 64;

/// States by key; a key whose bucket is full again is the same as an unknown one, so it may go.
#[derive(Debug)]
pub(super) struct Shard<K> {
    states: Table<K>,
    /// What holds for a key without a quota of its own.
    gcra: Gcra,
    /// Keys with a quota of their own, as long as whoever gave it does not take it back.
    own: HashTable<(K, Gcra)>,
    /// The lines of keys for which somebody waits, or which are paused; such a key stays.
    lines: HashTable<(K, Queue)>,
    max_keys: usize,
    /// The number of keys at which to look for idle ones: twice what the last sweep left, so that
    /// sweeping costs a constant for each new key.
    sweep_at: usize,
    /// No sooner than this, or a full shard would be swept for each new key.
    sweep_after: u64,
}

/// How a key is found.
pub(super) struct Lookup<'a, Q: ?Sized> {
    pub(super) hash: u64,
    pub(super) key: &'a Q,
    pub(super) hasher: &'a DefaultHashBuilder,
}

impl<K: Hash + Eq> Shard<K> {
    pub(super) fn new(gcra: Gcra, max_keys: usize) -> Self {
        Self {
            states: Table::new(),
            gcra,
            own: HashTable::new(),
            lines: HashTable::new(),
            max_keys,
            sweep_at: SMALL,
            sweep_after: 0,
        }
    }

    /// Decides about a call of a key, and by which quota; no attempt when there is no room for a key that is new.
    #[inline]
    pub(super) fn attempt<Q, M>(
        &mut self,
        lookup: &Lookup<'_, Q>,
        make: M,
        now: u64,
        cost: u32,
    ) -> (Option<Attempt>, Gcra)
    where
        Q: Eq + ?Sized,
        K: Borrow<Q>,
        M: FnOnce(&Q) -> K,
    {
        let Lookup { hash, key, .. } = *lookup;
        let gcra = *self.quota(hash, key);
        if let Some(full_at) = self.states.find(hash, key) {
            let attempt = gcra.attempt(full_at.get(), now, cost);
            if attempt.takes(cost) {
                *full_at = nonzero(attempt.full_at);
            }
            return (Some(attempt), gcra);
        }
        let attempt = gcra.attempt(0, now, cost);
        // A look or a refusal leaves the bucket full: there is nothing to remember.
        if !attempt.takes(cost) {
            return (Some(attempt), gcra);
        }
        if self.insert(hash, || make(key), attempt.full_at, lookup.hasher, now) {
            (Some(attempt), gcra)
        } else {
            (None, self.gcra)
        }
    }

    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether there is no room for a key that is new.
    pub(super) fn is_full(&self) -> bool {
        self.states.len() >= self.max_keys
    }

    /// What holds for a key without a quota of its own.
    pub(super) fn gcra(&self) -> Gcra {
        self.gcra
    }

    /// How many wait for the key's tokens.
    pub(super) fn waiting(&self, hash: u64, key: &K) -> usize {
        self.lines.find(hash, |(known, _)| known == key).map_or(0, |(_, line)| line.len())
    }

    /// Shows a key's bucket and line; `None` when there is no room for a key that is new.
    pub(super) fn visit<T>(
        &mut self,
        lookup: &Lookup<'_, K>,
        now: u64,
        visit: impl FnOnce(&mut Visit<'_>) -> T,
    ) -> Option<T>
    where
        K: Clone,
    {
        let Lookup { hash, key, hasher } = *lookup;
        if !self.knows(hash, key) && !self.insert(hash, || key.clone(), 0, hasher, now) {
            return None;
        }
        let gcra = *self.quota(hash, key);
        let line = self.lines.find_entry(hash, |(known, _)| known == key).ok();
        let mut queue = line.map_or_else(Queue::default, |line| line.remove().0.1);
        let state = self.states.find(hash, key)?;
        let mut full_at = state.get();
        let told = visit(&mut Visit { queue: &mut queue, gcra: &gcra, now, state: State::Held(&mut full_at) });
        *state = nonzero(full_at);
        if queue.is_needed(now) {
            self.lines.insert_unique(hash, (key.clone(), queue), |(known, _)| hasher.hash_one(known));
        }
        Some(told)
    }

    /// Whether the key's bucket may be other than full.
    pub(super) fn knows(&mut self, hash: u64, key: &K) -> bool {
        self.states.find(hash, key).is_some()
    }

    /// Gives a key a quota of its own, or the common one again; what it used stays used. Returns whom to wake.
    pub(super) fn set_quota(&mut self, lookup: &Lookup<'_, K>, quota: Option<Gcra>, now: u64) -> Vec<Waker>
    where
        K: Clone,
    {
        let Lookup { hash, key, hasher } = *lookup;
        let before = *self.quota(hash, key);
        if let Ok(own) = self.own.find_entry(hash, |(known, _)| known == key) {
            own.remove();
        }
        if let Some(gcra) = quota {
            self.own.insert_unique(hash, (key.clone(), gcra), |(known, _)| hasher.hash_one(known));
        }
        let after = quota.unwrap_or(self.gcra);
        let Some(full_at) = self.states.find(hash, key) else { return Vec::new() };
        let line = self.lines.find_mut(hash, |(known, _)| known == key);
        convert(full_at, line.map(|(_, line)| line), &before, &after, now)
    }

    /// Changes the quota of all keys without one of their own; what they used stays used. Returns whom to wake.
    pub(super) fn set_default(&mut self, gcra: Gcra, hasher: &DefaultHashBuilder, now: u64) -> Vec<Waker> {
        let Self { own, lines, .. } = self;
        let mut woken = Vec::new();
        for (key, full_at) in self.states.iter_mut() {
            let hash = hasher.hash_one(key);
            if own.find(hash, |(known, _)| known == key).is_none() {
                let line = lines.find_mut(hash, |(known, _)| known == key).map(|(_, line)| line);
                woken.extend(convert(full_at, line, &self.gcra, &gcra, now));
            }
        }
        self.gcra = gcra;
        // Buckets that fill sooner now may be swept sooner.
        self.sweep_after = 0;
        woken
    }

    #[inline]
    fn quota<Q: Eq + ?Sized>(&self, hash: u64, key: &Q) -> &Gcra
    where
        K: Borrow<Q>,
    {
        if self.own.is_empty() {
            return &self.gcra;
        }
        self.own.find(hash, |(known, _)| known.borrow() == key).map_or(&self.gcra, |(_, own)| own)
    }

    fn insert(
        &mut self,
        hash: u64,
        make: impl FnOnce() -> K,
        full_at: u64,
        hasher: &DefaultHashBuilder,
        now: u64,
    ) -> bool {
        if self.states.len() >= self.sweep_at.min(self.max_keys) && now >= self.sweep_after {
            self.sweep(hasher, now);
        }
        let has_room = !self.is_full();
        if has_room {
            self.states.insert(hash, make(), full_at, |known| hasher.hash_one(known));
        }
        has_room
    }

    fn sweep(&mut self, hasher: &DefaultHashBuilder, now: u64) {
        self.lines.retain(|(_, line)| line.is_needed(now));
        let lines = &self.lines;
        let is_needed =
            |key: &K| !lines.is_empty() && lines.find(hasher.hash_one(key), |(known, _)| known == key).is_some();
        self.states.retain(|key, full_at| full_at > now || is_needed(key), |key| hasher.hash_one(key));
        self.sweep_at = (2 * self.states.len()).max(SMALL);
        self.sweep_after = now.saturating_add(self.gcra.fill_time() / 16);
    }
}

/// Keeps a state under another quota; returns whom to wake.
fn convert(full_at: &mut NonZeroU64, line: Option<&mut Queue>, from: &Gcra, to: &Gcra, now: u64) -> Vec<Waker> {
    let converted = match &line {
        Some(line) => line.convert(from, to, full_at.get(), now),
        None => to.convert(from, full_at.get(), now, 0),
    };
    *full_at = nonzero(converted);
    line.map(Queue::wake_all).unwrap_or_default()
}
