use std::{
    collections::{HashSet, VecDeque},
    fmt,
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

/// What a message is known by: a keyed hash over something that its signature covers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ReplayKey(u128);

/// Remembers which messages were accepted, in memory and bounded (requirement W5).
///
/// A message is remembered for twice the tolerance: as long as its timestamp could still pass. At capacity the
/// oldest is forgotten first; only validly signed messages come here, so a stranger cannot flush it.
/// Clones share the memory.
#[derive(Clone)]
pub struct ReplayGuard {
    seen: Arc<Mutex<Seen>>,
    capacity: usize,
    /// Two keys make 128 bits, too many to collide by chance, and no stranger knows them.
    hashers: [RandomState; 2],
}

#[derive(Default)]
struct Seen {
    keys: HashSet<ReplayKey>,
    /// In order of insertion, which is the order of expiry.
    expiry: VecDeque<(Timestamp, ReplayKey)>,
}

impl ReplayGuard {
    /// Creates a guard that remembers so many messages, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { seen: Arc::default(), capacity: capacity.max(1), hashers: Default::default() }
    }

    /// How many messages are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.seen.lock().keys.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The key of something that the signature covers.
    pub(super) fn key(&self, kind: &'static str, parts: &[&[u8]]) -> ReplayKey {
        let [high, low] = self.hashers.each_ref().map(|hasher| u128::from(hasher.hash_one((kind, parts))));
        ReplayKey(high << 64 | low)
    }

    /// Remembers all keys of a message; `false`, and nothing is changed, when one is known.
    pub(super) fn insert(&self, keys: impl Iterator<Item = ReplayKey> + Clone, now: Timestamp, keep: Duration) -> bool {
        let keep = SignedDuration::try_from(keep).unwrap_or(SignedDuration::MAX);
        let expires = now.saturating_add(keep).unwrap_or(Timestamp::MAX);
        let mut seen = self.seen.lock();
        seen.drop_expired(now);
        if keys.clone().any(|key| seen.keys.contains(&key)) {
            return false;
        }
        for key in keys {
            seen.keys.insert(key);
            seen.expiry.push_back((expires, key));
        }
        while seen.expiry.len() > self.capacity {
            seen.drop_oldest();
        }
        true
    }

    /// Forgets a message whose handling failed, so that its redelivery is let in.
    pub(super) fn forget(&self, keys: impl Iterator<Item = ReplayKey>) {
        let mut seen = self.seen.lock();
        for key in keys {
            if seen.keys.remove(&key) {
                // Rare, and the newest entries are at the back.
                if let Some(index) = seen.expiry.iter().rposition(|(_, other)| *other == key) {
                    seen.expiry.remove(index);
                }
            }
        }
    }
}

impl Seen {
    fn drop_expired(&mut self, now: Timestamp) {
        while self.expiry.front().is_some_and(|(expires, _)| *expires < now) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some((_, key)) = self.expiry.pop_front() {
            self.keys.remove(&key);
        }
    }
}

impl fmt::Debug for ReplayGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayGuard").field("len", &self.len()).field("capacity", &self.capacity).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Duration = Duration::from_secs(600);

    fn insert(guard: &ReplayGuard, id: &[u8], second: i64) -> bool {
        let now = Timestamp::from_second(second).expect("in range");
        guard.insert(std::iter::once(guard.key("id", &[id])), now, KEEP)
    }

    #[test]
    fn an_id_is_new_once_until_it_expires() {
        let guard = ReplayGuard::new(10);
        assert!(insert(&guard, b"a", 0));
        assert!(!insert(&guard, b"a", 600), "the last second counts");
        assert!(insert(&guard, b"a", 601));
    }

    #[test]
    fn a_forgotten_id_is_new_again_for_its_full_time() {
        let guard = ReplayGuard::new(10);
        assert!(insert(&guard, b"a", 0));
        guard.forget(std::iter::once(guard.key("id", &[b"a"])));
        assert!(insert(&guard, b"a", 500));
        assert!(!insert(&guard, b"a", 1_000), "the first insertion's expiry is gone");
    }

    #[test]
    fn the_guard_is_bounded_and_drops_the_oldest() {
        let guard = ReplayGuard::new(2);
        assert!(insert(&guard, b"a", 0) && insert(&guard, b"b", 1) && insert(&guard, b"c", 2));
        assert_eq!(guard.len(), 2);
        assert!(!insert(&guard, b"c", 3));
        assert!(insert(&guard, b"a", 3));
    }
}
