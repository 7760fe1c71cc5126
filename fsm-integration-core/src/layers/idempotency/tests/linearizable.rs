//! Histories of two threads on one key, each held against every order that real time allows.

use std::{
    sync::{Barrier, atomic::AtomicU64},
    thread,
};

use super::*;

/// One call as its thread saw it: when it began and ended, what it asked, what it got.
#[derive(Debug, Clone)]
struct Call {
    began: u64,
    ended: u64,
    ask: Ask,
    got: Got,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Ask {
    Begin(Owner),
    Complete(Owner, u64),
    Release(Owner),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Got {
    Won(u64),
    Busy,
    Done(u64),
    Stored,
    Lost,
}

/// What one key's record does when calls come one after the other.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Sequential {
    owner: Option<Owner>,
    outcome: Option<u64>,
    last_fence: u64,
}

impl Sequential {
    /// The state after a call that got this, if it can get this.
    fn after(mut self, ask: Ask, got: Got) -> Option<Self> {
        match (ask, got) {
            (Ask::Begin(owner), Got::Won(fence)) if self.owner.is_none() && self.outcome.is_none() => {
                // At most one winner per fence, in growing order.
                (fence > self.last_fence).then_some(())?;
                (self.owner, self.last_fence) = (Some(owner), fence);
            }
            (Ask::Begin(_), Got::Busy) if self.owner.is_some() => {}
            (Ask::Begin(_), Got::Done(value)) if self.outcome == Some(value) => {}
            (Ask::Complete(owner, value), Got::Stored) if self.owner == Some(owner) => {
                (self.owner, self.outcome) = (None, Some(value));
            }
            (Ask::Release(owner), Got::Stored) if self.owner == Some(owner) => self.owner = None,
            (Ask::Complete(owner, _) | Ask::Release(owner), Got::Lost) if self.owner != Some(owner) => {}
            _ => return None,
        }
        Some(self)
    }
}

/// Whether some order of the calls explains what they got (Wing and Gong's search; two threads make it short).
fn explained(state: Sequential, left: &[Call], right: &[Call]) -> bool {
    let one_of = |first: &[Call], other: &[Call], swap: bool| {
        let Some((call, rest)) = first.split_first() else { return false };
        // A call that ended before this one began comes before it.
        if other.first().is_some_and(|other| other.ended < call.began) {
            return false;
        }
        let (left, right) = if swap { (other, rest) } else { (rest, other) };
        state.after(call.ask, call.got).is_some_and(|state| explained(state, left, right))
    };
    (left.is_empty() && right.is_empty()) || one_of(left, right, false) || one_of(right, left, true)
}

struct Caller<'a> {
    store: &'a MemoryIdempotencyStore<u64>,
    time: &'a AtomicU64,
    key: &'a IdempotencyKey,
    calls: Vec<Call>,
}

impl Caller<'_> {
    fn call(&mut self, ask: Ask) -> Got {
        let began = self.time.fetch_add(1, Ordering::SeqCst);
        let got = self.ask(ask);
        let ended = self.time.fetch_add(1, Ordering::SeqCst);
        self.calls.push(Call { began, ended, ask, got });
        got
    }

    fn ask(&self, ask: Ask) -> Got {
        let stored = match ask {
            Ask::Begin(owner) => {
                let begun = self.store.begin(self.key, A, owner, Duration::from_secs(60)).now();
                return match begun.expect("at once").expect("there is room") {
                    Begin::Won(lease) => Got::Won(lease.fence),
                    Begin::InProgress { .. } => Got::Busy,
                    Begin::Done(value) => Got::Done(value),
                    other => panic!("{other:?}"),
                };
            }
            Ask::Complete(owner, value) => self.store.complete(self.key, owner, &value),
            Ask::Release(owner) => self.store.release(self.key, owner),
        };
        match stored.now().expect("at once").expect("asked") {
            StoreOutcome::Stored => Got::Stored,
            StoreOutcome::LostLease => Got::Lost,
        }
    }

    /// Some calls, the way depends on what they get; the owner of the other thread is tried too.
    fn run(mut self, random: &mut fastrand::Rng, owners: [Owner; 2]) -> Vec<Call> {
        for n in 0..5 {
            match random.u8(0..5) {
                0..=2 => self.call(Ask::Begin(owners[0])),
                3 => self.call(Ask::Release(owners[usize::from(random.bool())])),
                _ => self.call(Ask::Complete(owners[usize::from(random.u8(0..4) == 0)], n)),
            };
        }
        self.calls
    }
}

#[test]
fn two_threads_on_one_key_see_an_order_that_one_could_have_seen() {
    let mut kinds = [0_u32; 2];
    for round in 0..300_u64 {
        let (store, time, key) = (MemoryIdempotencyStore::default(), AtomicU64::new(0), key("1"));
        let (owners, barrier) = ([Owner::random(), Owner::random()], Barrier::new(2));
        let caller = |owners, seed| {
            let mut random = fastrand::Rng::with_seed(seed);
            let caller = Caller { store: &store, time: &time, key: &key, calls: Vec::new() };
            barrier.wait();
            caller.run(&mut random, owners)
        };
        let (left, right) = thread::scope(|scope| {
            let left = scope.spawn(|| caller(owners, 2 * round));
            let right = caller([owners[1], owners[0]], 2 * round + 1);
            (left.join().expect("no panic"), right)
        });
        assert!(explained(Sequential::default(), &left, &right), "no order explains {left:#?} beside {right:#?}");
        for call in left.iter().chain(&right) {
            kinds[0] += u32::from(matches!(call.got, Got::Won(_)));
            kinds[1] += u32::from(matches!(call.got, Got::Done(_)));
        }
    }
    assert!(kinds.iter().all(|kind| *kind > 50), "the histories say little: {kinds:?}");
}

#[test]
fn the_search_finds_what_cannot_be() {
    let [one, other] = [Owner::random(), Owner::random()];
    let call = |began, ended, ask, got| Call { began, ended, ask, got };
    let won = [call(0, 3, Ask::Begin(one), Got::Won(1))];
    let also_won = [call(1, 2, Ask::Begin(other), Got::Won(2))];
    assert!(!explained(Sequential::default(), &won, &also_won), "two owners at once");
    let busy = [call(4, 5, Ask::Begin(other), Got::Busy)];
    assert!(explained(Sequential::default(), &won, &busy));
    let early = [call(1, 2, Ask::Begin(other), Got::Done(7))];
    assert!(!explained(Sequential::default(), &won, &early), "a replay of nothing");
}
