//! A part of the keyed map: states by key, a cap, and eviction of who is idle; takes `now`, does no I/O.

use std::{
    borrow::Borrow,
    hash::{BuildHasher, Hash},
    task::Waker,
};

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{
    gcra::{Attempt, Gcra},
    queue::Queue,
    visit::Visit,
};

/// Below this many keys a sweep is not worth its time.
const SMALL: usize = 64;

/// States by key; a key whose bucket is full again is the same as an unknown one, so it may go.
#[derive(Debug)]
pub(super) struct Shard<K> {
    states: HashTable<(K, u64)>,
    /// What holds for a key without a quota of its own.
    gcra: Gcra,
    /// Keys with a quota of their own, as long as whoever gave it does not take it back.
    own: HashTable<(K, Gcra)>,
    /// The lines of keys for which somebody waits, or which are paused; such a key stays.
    ///
    /// While somebody waits, the line keeps the state.
    lines: HashTable<(K, Queue)>,
    max_keys: usize,
    /// The number of keys at which to look for idle ones: twice what the last sweep left, so that
    /// sweeping costs a constant for each new key.
    sweep_at: usize,
    /// No sooner than this, or a full shard would be swept for each new key.
    sweep_after: u64,
    /// Before this nobody is idle.
    idle_at: u64,
}

/// A full shard is not swept more often, in nanoseconds: what is idle makes room that soon.
const LONGEST_PAUSE: u64 = 1_000_000_000;

/// How a key is found.
pub(super) struct Lookup<'a, Q: ?Sized> {
    pub(super) hash: u64,
    pub(super) key: &'a Q,
    pub(super) hasher: &'a DefaultHashBuilder,
}

impl<K: Hash + Eq> Shard<K> {
    pub(super) fn new(gcra: Gcra, max_keys: usize) -> Self {
        Self {
            states: HashTable::new(),
            gcra,
            own: HashTable::new(),
            lines: HashTable::new(),
            max_keys,
            sweep_at: SMALL,
            sweep_after: 0,
            idle_at: 0,
        }
    }

    /// The state of a key that is known, and its quota.
    #[inline]
    pub(super) fn find<Q>(&mut self, hash: u64, key: &Q) -> Option<(&mut u64, Gcra)>
    where
        Q: Eq + ?Sized,
        K: Borrow<Q>,
    {
        let gcra = *self.quota(hash, key);
        let (_, full_at) = self.states.find_mut(hash, |(known, _)| known.borrow() == key)?;
        Some((full_at, gcra))
    }

    /// Decides about a call of a key that is not known, and by which quota; no attempt when there is no room for it.
    pub(super) fn attempt_new<Q, M>(
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
        let Lookup { hash, key, hasher } = *lookup;
        let gcra = *self.quota(hash, key);
        let attempt = gcra.attempt(0, now, cost);
        // A look or a refusal leaves the bucket full: there is nothing to remember.
        if !attempt.takes(cost) || self.insert(hash, || make(key), attempt.full_at, hasher, now).is_some() {
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
        if !self.knows(hash, key) {
            self.insert(hash, || key.clone(), 0, hasher, now)?;
        }
        let gcra = *self.quota(hash, key);
        let line = self.lines.find_entry(hash, |(known, _)| known == key).ok();
        let mut queue = line.map_or_else(Queue::default, |line| line.remove().0.1);
        let mut known = self.states.find_entry(hash, |(known, _)| known == key).ok()?;
        let (told, full_at) = Visit::pay(&mut queue, &gcra, now, known.get().1, visit);
        known.get_mut().1 = full_at;
        if queue.is_needed(now) {
            self.lines.insert_unique(hash, (key.clone(), queue), |(known, _)| hasher.hash_one(known));
        } else if full_at <= now {
            // Who was refused, or gave everything back, is not worth remembering.
            known.remove();
            return Some(told);
        }
        self.idle_at = self.idle_at.min(full_at);
        Some(told)
    }

    /// How a call stands for which somebody may wait, or whose key may be paused, by its attempt without knowing that.
    #[cold]
    #[inline(never)]
    pub(super) fn ask_line<Q>(&mut self, hash: u64, key: &Q, now: u64, cost: u32, attempt: Attempt) -> Attempt
    where
        Q: Eq + ?Sized,
        K: Borrow<Q>,
    {
        let gcra = *self.quota(hash, key);
        let line = self.lines.find_mut(hash, |(known, _)| known.borrow() == key);
        let state = self.states.find_mut(hash, |(known, _)| known.borrow() == key);
        let (Some((_, line)), Some((_, state))) = (line, state) else { return attempt };
        let (attempt, full_at) = Visit::pay(line, &gcra, now, *state, |visit| visit.take(cost));
        *state = full_at;
        attempt
    }

    /// Whether the key's bucket may be other than full.
    pub(super) fn knows(&self, hash: u64, key: &K) -> bool {
        self.states.find(hash, |(known, _)| known == key).is_some()
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
        let Some((_, full_at)) = self.states.find_mut(hash, |(known, _)| known == key) else { return Vec::new() };
        let line = self.lines.find_mut(hash, |(known, _)| known == key);
        let woken = convert(full_at, line.map(|(_, line)| line), &before, &after, now);
        self.idle_at = self.idle_at.min(*full_at);
        woken
    }

    /// Changes the quota of all keys without one of their own; what they used stays used. Returns whom to wake.
    pub(super) fn set_default(&mut self, gcra: Gcra, hasher: &DefaultHashBuilder, now: u64) -> Vec<Waker> {
        let Self { own, lines, .. } = self;
        let mut woken = Vec::new();
        for (key, full_at) in &mut self.states {
            let hash = hasher.hash_one(&*key);
            if own.find(hash, |(known, _)| known == key).is_none() {
                let line = lines.find_mut(hash, |(known, _)| known == key).map(|(_, line)| line);
                woken.extend(convert(full_at, line, &self.gcra, &gcra, now));
            }
        }
        self.gcra = gcra;
        // Buckets that fill sooner now may be swept sooner.
        (self.sweep_after, self.idle_at) = (0, 0);
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

    /// Remembers a key that is new, if there is room for it.
    fn insert(
        &mut self,
        hash: u64,
        make: impl FnOnce() -> K,
        full_at: u64,
        hasher: &DefaultHashBuilder,
        now: u64,
    ) -> Option<()> {
        let is_large = self.states.len() >= self.sweep_at.min(self.max_keys);
        if is_large && now >= self.sweep_after.max(self.idle_at) {
            self.sweep(hasher, now);
        }
        if self.is_full() {
            return None;
        }
        self.states.insert_unique(hash, (make(), full_at), |(known, _)| hasher.hash_one(known));
        // What is full by now is there to be visited, and only stays if that changes it.
        if full_at > now {
            self.idle_at = self.idle_at.min(full_at);
        }
        Some(())
    }

    fn sweep(&mut self, hasher: &DefaultHashBuilder, now: u64) {
        self.lines.retain(|(_, line)| line.is_needed(now));
        let lines = &self.lines;
        let is_needed =
            |key: &K| !lines.is_empty() && lines.find(hasher.hash_one(key), |(known, _)| known == key).is_some();
        let mut idle_at = u64::MAX;
        self.states.retain(|(key, full_at)| {
            let stays = *full_at > now || is_needed(key);
            if stays {
                idle_at = idle_at.min(*full_at);
            }
            stays
        });
        self.idle_at = idle_at;
        self.sweep_at = (2 * self.states.len()).max(SMALL);
        self.states.shrink_to(self.sweep_at.min(self.max_keys), |(known, _)| hasher.hash_one(known));
        self.sweep_after = now.saturating_add((self.gcra.fill_time() / 16).min(LONGEST_PAUSE));
    }
}

/// Keeps a state under another quota; returns whom to wake.
fn convert(state: &mut u64, line: Option<&mut Queue>, from: &Gcra, to: &Gcra, now: u64) -> Vec<Waker> {
    let Some(line) = line else {
        *state = to.convert(from, *state, now, 0);
        return Vec::new();
    };
    let full_at = line.open(from, *state, now);
    *state = line.close(line.convert(from, to, full_at, now));
    line.wake_all()
}

#[cfg(test)]
mod tests;
