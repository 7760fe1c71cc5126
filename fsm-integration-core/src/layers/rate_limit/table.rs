//! The states of many keys: open addressing in the plainest form, one look at memory for a key that is known.
//!
//! A general map looks at its control bytes and then at the entry: two cache misses when there are millions of keys,
//! which is nearly all that a decision costs then. Here four keys of eight bytes and their states fill one cache line,
//! in which a key is looked for without guessing at which place. Nothing is ever removed but by a sweep that builds the
//! table anew: so there are no tombstones, and 20 to 40 bytes a key with what is kept free.

use std::{
    borrow::Borrow,
    iter,
    mem::{self, needs_drop},
    num::NonZeroU64,
};

/// States by key; never more than four fifths full.
#[derive(Debug)]
pub(super) struct Table<K> {
    /// A power of two of them, or none.
    lines: Box<[Line<K>]>,
    len: usize,
}

/// Filled from the front.
#[derive(Debug)]
#[repr(align(64))]
struct Line<K>([Slot<K>; SLOTS]);

/// A state of zero and of one are the same to who counts time from one: a bucket that has long been full.
type Slot<K> = Option<(K, NonZeroU64)>;

const SLOTS: usize = 4;

impl<K: Eq> Line<K> {
    #[inline]
    fn find<Q: Eq + ?Sized>(&self, key: &Q) -> Option<usize>
    where
        K: Borrow<Q>,
    {
        let is_it = |slot: &Slot<K>| matches!(slot, Some((known, _)) if known.borrow() == key);
        if needs_drop::<K>() || size_of::<K>() > size_of::<u64>() {
            return self.0.iter().position(is_it);
        }
        // Cheaper to compare with all than to guess wrong with which to end.
        let found = (0..SLOTS).fold(SLOTS, |found, at| if is_it(&self.0[at]) { at } else { found });
        (found < SLOTS).then_some(found)
    }

    #[inline]
    const fn is_full(&self) -> bool {
        self.0[SLOTS - 1].is_some()
    }
}

impl<K: Eq> Table<K> {
    pub(super) fn new() -> Self {
        Self { lines: Box::default(), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The state of a key that is known.
    #[inline]
    pub(super) fn find<Q: Eq + ?Sized>(&mut self, hash: u64, key: &Q) -> Option<&mut NonZeroU64>
    where
        K: Borrow<Q>,
    {
        let mask = self.lines.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        // Ends at the latest at a line with a free slot: there is always one, but in a table without lines.
        let slot = loop {
            let line = self.lines.get(at)?;
            if let Some(slot) = line.find(key) {
                break slot;
            }
            if !line.is_full() {
                return None;
            }
            at = (at + 1) & mask;
        };
        self.lines[at].0[slot].as_mut().map(|(_, state)| state)
    }

    /// Adds a key that is not known.
    pub(super) fn insert(&mut self, hash: u64, key: K, state: u64, hash_of: impl Fn(&K) -> u64) {
        if 5 * (self.len + 1) > 4 * SLOTS * self.lines.len() {
            self.rebuild(2 * self.lines.len(), |_, _| true, hash_of);
        }
        self.put(hash, (key, nonzero(state)));
    }

    /// Forgets whom the function does not keep, and the memory that they took.
    pub(super) fn retain(&mut self, keep: impl Fn(&K, u64) -> bool, hash_of: impl Fn(&K) -> u64) {
        let kept = self.iter().filter(|(key, state)| keep(key, state.get())).count();
        if kept < self.len {
            // Half full at most, so that it can grow again before the next sweep.
            let lines = (2 * kept).div_ceil(SLOTS).next_power_of_two().min(self.lines.len());
            self.rebuild(lines, keep, hash_of);
        }
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut NonZeroU64)> {
        self.lines.iter_mut().flat_map(|line| &mut line.0).flatten().map(|(key, state)| (&*key, state))
    }

    fn iter(&self) -> impl Iterator<Item = &(K, NonZeroU64)> {
        self.lines.iter().flat_map(|line| &line.0).flatten()
    }

    #[cold]
    fn rebuild(&mut self, lines: usize, keep: impl Fn(&K, u64) -> bool, hash_of: impl Fn(&K) -> u64) {
        let lines = iter::repeat_with(|| Line([const { None }; SLOTS])).take(lines.max(2)).collect();
        self.len = 0;
        for (key, state) in mem::replace(&mut self.lines, lines).into_iter().flat_map(|line| line.0).flatten() {
            if keep(&key, state.get()) {
                self.put(hash_of(&key), (key, state));
            }
        }
    }

    fn put(&mut self, hash: u64, entry: (K, NonZeroU64)) {
        let mask = self.lines.len() - 1;
        let mut at = hash as usize & mask;
        while self.lines[at].is_full() {
            at = (at + 1) & mask;
        }
        let free = self.lines[at].0.iter_mut().find(|slot| slot.is_none()).expect("the line is not full");
        *free = Some(entry);
        self.len += 1;
    }
}

pub(super) fn nonzero(state: u64) -> NonZeroU64 {
    NonZeroU64::new(state).unwrap_or(NonZeroU64::MIN)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// So bad that many keys meet.
    fn hash(key: &u64) -> u64 {
        (key % 7).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    #[test]
    fn a_key_of_eight_bytes_takes_forty_at_most() {
        assert_eq!(size_of::<Line<u64>>(), 64);
        let mut table = Table::new();
        for key in 0..10_000_u64 {
            table
                .insert(key.wrapping_mul(0x9E37_79B9_7F4A_7C15), key, 1, |key| key.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            assert!(key < 8 || table.lines.len() * 64 <= table.len() * 40);
        }
    }

    proptest! {
        #[test]
        fn it_holds_what_a_map_holds(steps in prop::collection::vec((0..60_u64, 0..100_u64, 0..20_u8), 1..400)) {
            let (mut table, mut map) = (Table::new(), HashMap::new());
            for (key, state, step) in steps {
                if step == 0 {
                    table.retain(|_, known| known > state, hash);
                    map.retain(|_, known| *known > state);
                } else if let Some(known) = table.find(hash(&key), &key) {
                    *known = nonzero(state);
                    prop_assert!(map.insert(key, state.max(1)).is_some());
                } else {
                    table.insert(hash(&key), key, state, hash);
                    prop_assert!(map.insert(key, state.max(1)).is_none());
                }
                prop_assert_eq!(table.len(), map.len());
            }
            let mut all: Vec<_> = table.iter_mut().map(|(key, state)| (*key, state.get())).collect();
            let mut expected: Vec<_> = map.into_iter().collect();
            all.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(all, expected);
        }
    }
}
