//! Tokens that were taken from a bucket ahead of time, to be spent without touching it: lock-free, in one word.

use crate::sync::atomic::{AtomicU64, Ordering};

/// Tokens in hand, and how often some were spent, so that who looks twice sees whether it is used.
#[derive(Debug)]
pub(super) struct Lease(AtomicU64);

const ONE_SPENT: u64 = 1 << 32;

const fn tokens(state: u64) -> u32 {
    state as u32
}

impl Lease {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Spends `cost` of the tokens if they are enough.
    #[inline]
    pub(super) fn spend(&self, cost: u32) -> bool {
        let mut state = self.0.load(Ordering::Relaxed);
        while tokens(state) >= cost {
            let spent = (state - u64::from(cost)).wrapping_add(ONE_SPENT);
            match self.0.compare_exchange_weak(state, spent, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(present) => state = present,
            }
        }
        false
    }

    /// Puts tokens in hand, up to `most`; returns those that are too many.
    pub(super) fn put(&self, more: u32, most: u32) -> u32 {
        let mut state = self.0.load(Ordering::Relaxed);
        loop {
            let taken = more.min(most.saturating_sub(tokens(state)));
            let put = (state + u64::from(taken)).wrapping_add(ONE_SPENT);
            // Acquires what was written before the lease was emptied, as a pause.
            match self.0.compare_exchange_weak(state, put, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return more - taken,
                Err(present) => state = present,
            }
        }
    }

    /// Takes all tokens out.
    pub(super) fn empty(&self) -> u32 {
        let mut state = self.0.load(Ordering::Relaxed);
        loop {
            match self.empty_if_still(state) {
                Ok(taken) => return taken,
                Err(present) => state = present,
            }
        }
    }

    /// Takes all tokens out if nothing was done since it was [`seen`](Self::seen) like this.
    pub(super) fn empty_if_still(&self, seen: u64) -> Result<u32, u64> {
        let empty = seen - u64::from(tokens(seen));
        self.0.compare_exchange(seen, empty, Ordering::Release, Ordering::Relaxed).map(tokens)
    }

    /// What it looks like; the same again if nothing was done with it meanwhile.
    pub(super) fn seen(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Tokens in hand.
    pub(super) fn tokens(&self) -> u32 {
        tokens(self.seen())
    }
}

#[cfg(all(test, not(fsm_loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_spent_or_taken_out_once() {
        let lease = Lease::new();
        assert_eq!(lease.put(10, 8), 2);
        assert!(lease.spend(5) && !lease.spend(4));
        assert_eq!((lease.empty(), lease.empty()), (3, 0));
    }

    #[test]
    fn a_lease_in_use_is_not_taken_away() {
        let lease = Lease::new();
        lease.put(8, 8);
        let seen = lease.seen();
        assert!(lease.spend(1));
        lease.put(1, 8);
        assert_eq!(tokens(lease.seen()), tokens(seen));
        assert!(lease.empty_if_still(seen).is_err());
        assert_eq!(lease.empty_if_still(lease.seen()), Ok(8));
    }
}

#[cfg(all(test, fsm_loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::*;

    #[test]
    fn loom_no_token_is_spent_twice_or_lost() {
        loom::model(|| {
            let lease = Arc::new(Lease::new());
            assert_eq!(lease.put(2, 2), 0);
            let spender = {
                let lease = Arc::clone(&lease);
                thread::spawn(move || u32::from(lease.spend(1)) + u32::from(lease.spend(1)))
            };
            let refilled = {
                let lease = Arc::clone(&lease);
                thread::spawn(move || 1 - lease.put(1, 2))
            };
            let taken = lease.empty_if_still(lease.seen()).unwrap_or(0);
            let spent = spender.join().expect("no panic");
            let put = refilled.join().expect("no panic");
            assert_eq!(2 + put, spent + taken + lease.empty());
        });
    }

    #[test]
    fn loom_no_token_is_put_in_hand_after_a_pause_began() {
        loom::model(|| {
            let (lease, paused) = (Arc::new(Lease::new()), Arc::new(AtomicU64::new(0)));
            lease.put(1, 8);
            let refilled = {
                let (lease, paused) = (Arc::clone(&lease), Arc::clone(&paused));
                thread::spawn(move || {
                    lease.put(4, 8);
                    if paused.load(Ordering::Relaxed) == 1 {
                        lease.empty();
                    }
                })
            };
            let spender = {
                let lease = Arc::clone(&lease);
                thread::spawn(move || lease.spend(1))
            };
            paused.store(1, Ordering::Relaxed);
            lease.empty();
            refilled.join().expect("no panic");
            spender.join().expect("no panic");
            assert_eq!(lease.tokens(), 0);
        });
    }
}
