//! What holds for a time, by key, for at most so many keys; pure.
//!
//! It goes little by little: each new key looks at two that are known, in turn, and drops what is over. So no insertion
//! looks at them all, and where keys come and go steadily about twice as many are kept as hold.

use std::{collections::VecDeque, sync::Arc};

use hashbrown::HashMap;

/// What may be dropped once it is over.
pub(super) trait Passes {
    fn is_over(&self, now: u64) -> bool;
}

#[derive(Debug)]
pub(super) struct Passing<V> {
    known: HashMap<Arc<str>, V>,
    /// The same keys, in the order in which they are looked at.
    turns: VecDeque<Arc<str>>,
    max_keys: usize,
}

/// How many known keys a new one looks at: more than one, or what is over would never be made up for.
const LOOKS: usize = 2;

/// Below this many keys memory is not worth giving back.
const SMALL: usize = 64;

impl<V: Passes> Passing<V> {
    pub(super) fn new(max_keys: usize) -> Self {
        Self { known: HashMap::new(), turns: VecDeque::new(), max_keys }
    }

    pub(super) fn get(&self, key: &str) -> Option<&V> {
        self.known.get(key)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut V> {
        self.known.get_mut(key)
    }

    /// Drops a little of what is over; whether there is room for a key that is new.
    pub(super) fn make_room(&mut self, now: u64) -> bool {
        (0..LOOKS).for_each(|_| self.look_at_next(now));
        self.known.len() < self.max_keys
    }

    /// Adds a key that is not known; at the cap in place of one that is.
    pub(super) fn insert(&mut self, key: &str, value: V, now: u64) {
        if self.max_keys == 0 {
            return;
        }
        if !self.make_room(now) {
            self.drop_next();
        }
        let key = Arc::<str>::from(key);
        self.turns.push_back(Arc::clone(&key));
        self.known.insert(key, value);
    }

    fn look_at_next(&mut self, now: u64) {
        let next = self.turns.front().and_then(|key| self.known.get(key));
        match next.map(|value| value.is_over(now)) {
            Some(true) => self.drop_next(),
            Some(false) => self.turns.rotate_left(1),
            None => {}
        }
    }

    fn drop_next(&mut self) {
        self.turns.pop_front().map(|key| self.known.remove(&key));
        if let Some(enough) = shrunk(self.turns.capacity(), self.known.len()) {
            self.known.shrink_to(enough);
            self.turns.shrink_to(enough);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }
}

/// For how many keys memory is kept, if there is so much more of it than so many need that the rest is given back.
fn shrunk(capacity: usize, keys: usize) -> Option<usize> {
    let enough = 2 * keys.max(SMALL);
    (capacity > 4 * enough).then_some(enough)
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, rc::Rc};

    use super::*;

    struct Until(u64, Rc<Cell<u32>>);

    impl Passes for Until {
        fn is_over(&self, now: u64) -> bool {
            self.1.set(self.1.get() + 1);
            now >= self.0
        }
    }

    #[test]
    fn a_new_key_looks_at_two_others_however_many_there_are() {
        let looks = Rc::new(Cell::new(0));
        let mut passing = Passing::new(1_000);
        for n in 0..5_000_u64 {
            passing.insert(&n.to_string(), Until(u64::MAX, Rc::clone(&looks)), n);
            assert!(looks.take() <= 2);
        }
        assert_eq!((passing.len(), passing.turns.len()), (1_000, 1_000));
        assert!(passing.get("4999").is_some());
    }

    #[test]
    fn of_what_comes_and_goes_little_is_kept_and_its_memory_is_given_back() {
        let looks = Rc::new(Cell::new(0));
        let mut passing = Passing::new(100_000);
        (0..10_000).for_each(|n: u64| passing.insert(&n.to_string(), Until(1, Rc::clone(&looks)), 0));
        assert_eq!(passing.len(), 10_000);
        for n in 10_000..30_000_u64 {
            passing.insert(&n.to_string(), Until(n + 10, Rc::clone(&looks)), n);
        }
        assert!(passing.len() <= 3 * 10, "{}", passing.len());
        assert!(passing.known.capacity() <= 8 * SMALL && passing.turns.capacity() <= 8 * SMALL);
    }

    #[test]
    fn memory_for_more_than_eight_times_the_keys_is_cut_to_twice_of_them() {
        assert_eq!([8_000, 8_001, 100_000].map(|capacity| shrunk(capacity, 1_000)), [None, Some(2_000), Some(2_000)]);
        assert_eq!([512, 513].map(|capacity| shrunk(capacity, 0)), [None, Some(128)], "little is not worth it");
    }

    #[test]
    fn without_room_for_any_key_none_is_kept() {
        let mut passing = Passing::new(0);
        passing.insert("acme", Until(9, Rc::default()), 0);
        assert!(!passing.make_room(0) && passing.get("acme").is_none());
    }
}
