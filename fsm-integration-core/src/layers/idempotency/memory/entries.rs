use std::{
    mem,
    ops::{Index, IndexMut},
};

use hashbrown::HashTable;

use super::{text::Text, waiting::Waiting};
use crate::layers::idempotency::{IdempotencyKey, state::Record};

/// No slot.
const NONE: u32 = u32::MAX;

/// Entries found by their key, those whose time will be over also in that order.
///
/// They lie side by side, and one that goes leaves its slot to the next that comes; what finds them is a small table of
/// slots. So a full store drops the oldest entry and puts the new one in its place, in memory that is at hand: a table of
/// the entries themselves is up to four times as large, and each call waits for memory at two random places in it.
pub(super) struct Entries<T> {
    table: HashTable<u32>,
    slots: Vec<Slot<T>>,
    /// The vacant slot to use next; the others follow it.
    vacant: u32,
    ends: [Ends; 2],
}

/// A list of entries, in the order in which their time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// What is done.
    Outcomes,
    /// Recovery points that nobody has or waits for; apart, since they make room only after all outcomes.
    Points,
}

#[derive(Debug, Clone, Copy)]
struct Ends {
    first: u32,
    last: u32,
}

/// A place for one entry; the key's text and hash count only while there is one.
struct Slot<T> {
    /// Its neighbours in its order; for a vacant slot, `after` is the next vacant one.
    before: u32,
    after: u32,
    order: Option<Order>,
    text: Text,
    hash: u64,
    entry: Option<Entry<T>>,
}

/// One key's record, and who waits for it to change.
pub(super) struct Entry<T> {
    pub(super) record: Record<T>,
    /// Boxed: most records are never waited for.
    pub(super) waiting: Option<Box<Waiting>>,
}

impl<T> Entries<T> {
    /// More than this there never are.
    pub(super) const MOST: usize = NONE as usize;

    pub(super) fn new() -> Self {
        let ends = Ends { first: NONE, last: NONE };
        Self { table: HashTable::new(), slots: Vec::new(), vacant: NONE, ends: [ends; 2] }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// How many there ever were at a time.
    #[inline]
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    #[inline]
    pub(super) fn find(&self, key: &IdempotencyKey) -> Option<u32> {
        let is_it = |slot: &u32| {
            let place = &self.slots[*slot as usize];
            place.hash == key.hash() && place.text.is(key)
        };
        self.table.find(key.hash(), is_it).copied()
    }

    /// The entry in a slot, if there is one.
    #[inline]
    pub(super) fn get(&self, slot: u32) -> Option<&Entry<T>> {
        self.slots[slot as usize].entry.as_ref()
    }

    /// Adds the record of a key that has none, in no order.
    #[inline]
    pub(super) fn insert(&mut self, key: &IdempotencyKey, record: impl FnOnce() -> Record<T>) -> u32 {
        let slot = self.vacant_slot();
        let place = &mut self.slots[slot as usize];
        place.hash = key.hash();
        place.text.set(key);
        // Made in its place, when nothing that could fail is left to do: an entry that is moved there costs more.
        place.entry.get_or_insert_with(|| Entry { record: record(), waiting: None });
        let hash_of = |slot: &u32| self.slots[*slot as usize].hash;
        self.table.insert_unique(key.hash(), slot, hash_of);
        slot
    }

    #[inline]
    fn vacant_slot(&mut self) -> u32 {
        if self.vacant == NONE {
            let (before, after) = (NONE, NONE);
            self.slots.push(Slot { before, after, order: None, text: Text::NONE, hash: 0, entry: None });
            return (self.slots.len() - 1) as u32;
        }
        let slot = self.vacant;
        self.vacant = mem::replace(&mut self.slots[slot as usize].after, NONE);
        slot
    }

    /// Takes an entry out, if there is one; its outcome goes where the caller says, in one move.
    #[inline]
    pub(super) fn remove(&mut self, slot: u32, outcome: &mut Option<T>) {
        self.unlink(slot);
        let place = &mut self.slots[slot as usize];
        if place.entry.is_none() {
            return;
        }
        if let Ok(found) = self.table.find_entry(place.hash, |other| *other == slot) {
            found.remove();
        }
        place.after = mem::replace(&mut self.vacant, slot);
        place.text.clear();
        if let Some(Entry { record: Record::Done { outcome: gone, .. }, .. }) = place.entry.take() {
            *outcome = Some(gone);
        }
    }

    /// The entry whose time is over first.
    #[inline]
    pub(super) fn first(&self, order: Order) -> Option<u32> {
        Some(self.ends[order as usize].first).filter(|slot| *slot != NONE)
    }

    /// Says that an entry's time is over after that of all others in this order.
    #[inline]
    pub(super) fn append(&mut self, slot: u32, order: Order) {
        self.unlink(slot);
        let last = mem::replace(&mut self.ends[order as usize].last, slot);
        let place = &mut self.slots[slot as usize];
        (place.before, place.order) = (last, Some(order));
        *self.after(last, order) = slot;
    }

    /// Says that an entry's time is not over by itself.
    #[inline]
    pub(super) fn unlink(&mut self, slot: u32) {
        let place = &mut self.slots[slot as usize];
        let Some(order) = place.order.take() else { return };
        let before = mem::replace(&mut place.before, NONE);
        let after = mem::replace(&mut place.after, NONE);
        *self.after(before, order) = after;
        *self.before(after, order) = before;
    }

    /// What follows this slot; the first one follows none.
    #[inline]
    fn after(&mut self, slot: u32, order: Order) -> &mut u32 {
        if slot == NONE { &mut self.ends[order as usize].first } else { &mut self.slots[slot as usize].after }
    }

    /// What this slot follows; none follows the last one.
    #[inline]
    fn before(&mut self, slot: u32, order: Order) -> &mut u32 {
        if slot == NONE { &mut self.ends[order as usize].last } else { &mut self.slots[slot as usize].before }
    }
}

/// The entry in a slot that was found.
impl<T> Index<u32> for Entries<T> {
    type Output = Entry<T>;

    #[inline]
    fn index(&self, slot: u32) -> &Entry<T> {
        self.slots[slot as usize].entry.as_ref().expect("what was found is there")
    }
}

impl<T> IndexMut<u32> for Entries<T> {
    #[inline]
    fn index_mut(&mut self, slot: u32) -> &mut Entry<T> {
        self.slots[slot as usize].entry.as_mut().expect("what was found is there")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::layers::idempotency::Fingerprint;

    fn key(number: u8) -> IdempotencyKey {
        IdempotencyKey::new("demo", "order", &number.to_string()).expect("a key")
    }

    fn done(outcome: u8) -> Record<u8> {
        Record::Done { fingerprint: Fingerprint::NONE, outcome, until: 0 }
    }

    /// The keys of an order, first to last, and back again.
    fn listed(entries: &Entries<u8>, order: Order) -> Vec<u8> {
        let walk = |from: u32, next: fn(&Slot<u8>) -> u32| {
            let mut keys = Vec::new();
            let mut slot = from;
            while slot != NONE {
                let place = &entries.slots[slot as usize];
                assert_eq!(place.order, Some(order));
                let Some(Entry { record: Record::Done { outcome, .. }, .. }) = place.entry else { panic!("vacant") };
                keys.push(outcome);
                slot = next(place);
            }
            keys
        };
        let ends = entries.ends[order as usize];
        let forth = walk(ends.first, |place| place.after);
        let mut back = walk(ends.last, |place| place.before);
        back.reverse();
        assert_eq!(forth, back);
        forth
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Insert(u8),
        Remove(u8),
        Append(u8, Order),
        Unlink(u8),
        DropFirst(Order),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let order = || prop_oneof![Just(Order::Outcomes), Just(Order::Points)];
        let step = prop_oneof![
            4 => (0..12_u8).prop_map(Step::Insert),
            1 => (0..12_u8).prop_map(Step::Remove),
            4 => (0..12_u8, order()).prop_map(|(key, order)| Step::Append(key, order)),
            1 => (0..12_u8).prop_map(Step::Unlink),
            1 => order().prop_map(Step::DropFirst),
        ];
        prop::collection::vec(step, 1..200)
    }

    proptest! {
        /// The model: who is there, and a plain list for each order.
        #[test]
        fn entries_are_found_and_listed_as_in_plain_lists(steps in steps()) {
            let mut entries = Entries::new();
            let (mut there, mut lists, mut most) = (Vec::new(), [Vec::new(), Vec::new()], 0);
            for step in steps {
                let forget = |lists: &mut [Vec<u8>; 2], key| lists.iter_mut().for_each(|list| list.retain(|k| *k != key));
                match step {
                    Step::Insert(number) if !there.contains(&number) => {
                        entries.insert(&key(number), || done(number));
                        there.push(number);
                    }
                    Step::Insert(_) => {}
                    Step::Remove(number) => {
                        let mut removed = None;
                        entries.find(&key(number)).map(|slot| entries.remove(slot, &mut removed)).unwrap_or_default();
                        prop_assert_eq!(removed.is_some(), there.contains(&number));
                        there.retain(|known| *known != number);
                        forget(&mut lists, number);
                    }
                    Step::Append(number, order) => if let Some(slot) = entries.find(&key(number)) {
                        entries.append(slot, order);
                        forget(&mut lists, number);
                        lists[order as usize].push(number);
                    },
                    Step::Unlink(number) => {
                        entries.find(&key(number)).map(|slot| entries.unlink(slot)).unwrap_or_default();
                        forget(&mut lists, number);
                    }
                    Step::DropFirst(order) => if let Some(slot) = entries.first(order) {
                        let number = lists[order as usize].remove(0);
                        prop_assert_eq!(entries.find(&key(number)), Some(slot));
                        let mut removed = None;
                        entries.remove(slot, &mut removed);
                        prop_assert_eq!(removed, Some(number));
                        there.retain(|known| *known != number);
                    },
                }
                most = most.max(there.len());
                prop_assert_eq!(entries.len(), there.len());
                prop_assert_eq!(entries.slots(), most, "what goes leaves its slot to the next");
                for order in [Order::Outcomes, Order::Points] {
                    prop_assert_eq!(&listed(&entries, order), &lists[order as usize]);
                }
                for number in 0..12 {
                    prop_assert_eq!(entries.find(&key(number)).is_some(), there.contains(&number));
                }
            }
        }
    }
}
