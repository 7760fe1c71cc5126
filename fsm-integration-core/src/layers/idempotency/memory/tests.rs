//! What an outcome's own `Clone` and `Drop` may do.

// loom's lock cannot be tried.
#![cfg(not(fsm_loom))]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use super::*;
use crate::testing::VirtualClock;

const TTL: Duration = Duration::from_secs(60);
const LEASE: Duration = Duration::from_secs(30);

type Store = MemoryIdempotencyStore<Watching, VirtualClock>;

/// An outcome that counts how often it is dropped while its store is locked, and while it is not.
#[derive(Debug)]
struct Watching {
    store: Weak<Store>,
    dropped: Arc<[AtomicU32; 2]>,
    panics: Arc<AtomicBool>,
}

impl Clone for Watching {
    fn clone(&self) -> Self {
        assert!(!self.panics.load(Relaxed), "an outcome that cannot be cloned");
        let (store, dropped, panics) = (self.store.clone(), Arc::clone(&self.dropped), Arc::clone(&self.panics));
        Self { store, dropped, panics }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let is_free = self.store.upgrade().is_none_or(|store| store.shards[0].try_lock().is_some());
        self.dropped[usize::from(is_free)].fetch_add(1, Relaxed);
        assert!(!self.panics.swap(false, Relaxed), "an outcome that cannot be dropped");
    }
}

/// A store, what tells its time, and an outcome for it.
fn store(capacity: usize) -> (Arc<Store>, VirtualClock, Watching) {
    let clock = VirtualClock::default();
    let store = Arc::new(Store::with_clock(capacity, TTL, clock.clone()));
    let outcome = Watching { store: Arc::downgrade(&store), dropped: Arc::default(), panics: Arc::default() };
    (store, clock, outcome)
}

fn key(number: u32) -> IdempotencyKey {
    IdempotencyKey::new("a", "b", &number.to_string()).expect("a key")
}

fn begin(store: &Store, number: u32, owner: Owner) -> Begin<Watching> {
    let key = key(number);
    let begun = store.begin(&key, Fingerprint::NONE, owner, LEASE).now();
    begun.expect("at once").expect("there is room")
}

fn complete(store: &Store, number: u32, owner: Owner, outcome: &Watching) -> StoreOutcome {
    store.complete(&key(number), owner, outcome).now().expect("at once").expect("asked")
}

fn work(store: &Store, number: u32, outcome: &Watching) {
    let owner = Owner::random();
    assert!(matches!(begin(store, number, owner), Begin::Won(_)));
    assert_eq!(complete(store, number, owner, outcome), StoreOutcome::Stored);
}

#[test]
fn no_outcome_is_dropped_while_the_store_is_locked() {
    let (store, clock, outcome) = store(4);
    let dropped = || outcome.dropped.each_ref().map(|count| count.swap(0, Relaxed));
    (0..6).for_each(|number| work(&store, number, &outcome));
    assert_eq!(dropped(), [0, 2], "beyond the capacity");
    clock.advance(TTL);
    // Two of four are dropped for their time, and that of the key itself is replaced.
    work(&store, 5, &outcome);
    assert_eq!(dropped(), [0, 3], "over");
    assert!(store.recall(&key(9), Fingerprint::NONE).is_none());
    assert_eq!(dropped(), [0, 1], "over, and found by a look");
    store.remember(&key(5), Fingerprint::NONE, outcome.clone());
    (6..9).for_each(|number| work(&store, number, &outcome));
    store.remember(&key(9), Fingerprint::NONE, outcome.clone());
    assert_eq!(dropped(), [0, 2], "one for the same key, one for room");
    assert_eq!(complete(&store, 9, Owner::random(), &outcome), StoreOutcome::LostLease);
    assert_eq!(dropped(), [0, 1], "not kept");
}

#[test]
fn an_outcome_that_panics_leaves_a_store_that_works() {
    let (store, _, outcome) = store(1);
    work(&store, 0, &outcome);
    outcome.panics.store(true, Relaxed);
    catch_unwind(AssertUnwindSafe(|| begin(&store, 0, Owner::random()))).expect_err("cannot be cloned");
    catch_unwind(AssertUnwindSafe(|| begin(&store, 1, Owner::random()))).expect_err("cannot be dropped");
    // Whose begin made another's outcome go has not got the key for that.
    work(&store, 1, &outcome);
    assert!(matches!(begin(&store, 1, Owner::random()), Begin::Done(_)));
    assert_eq!(store.len(), 1);
}
