use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use hashbrown::HashMap;
use parking_lot::Mutex;

use super::{Decision, RateLimitStore, lease::Lease};
use crate::{
    clock::{Clock, SystemClock, Ticks, nanos},
    error::Result,
};

/// Takes tokens from a store by the handful, so that most calls cost no round trip (requirement R7).
///
/// Tokens are taken early, never made: in any span of time at most `nodes * tokens` more calls of a key are let through
/// than by the store alone. What this node does not spend within `idle` is forgotten, which errs on the safe side: the
/// store's bucket refills as if it had been spent. Near the limit, when the store has no handful left, a call takes
/// what it needs, with a second round trip.
///
/// Put a [`StoreLimiter`](super::StoreLimiter) around it.
///
/// ```
/// use std::{num::NonZeroU32, sync::Arc, time::Duration};
/// use fsm_integration_core::layers::rate_limit::{KeyedTokenBucket, LeasedStore, Quota, RateLimitStore};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let hundred = NonZeroU32::new(100).unwrap();
/// // Stands for one that is far away.
/// let far = KeyedTokenBucket::<Arc<str>>::new(Quota::per_second(hundred, hundred), 10_000);
/// let store = LeasedStore::new(far, 20, Duration::from_millis(100), 10_000);
/// assert!(store.acquire("acme", 1).await.unwrap().allowed);
/// assert!(store.try_acquire_now("acme", 1).is_some());
/// # }
/// ```
pub struct LeasedStore<S, C = SystemClock> {
    store: S,
    tokens: u32,
    idle: u64,
    max_keys: usize,
    leases: Mutex<HashMap<Arc<str>, Held>>,
    ticks: Ticks<C>,
}

/// What is in hand for a key.
struct Held {
    lease: Lease,
    /// What the store said with it.
    decision: Decision,
    until: u64,
}

impl<S: RateLimitStore> LeasedStore<S> {
    /// Takes `tokens` of a key at once, keeps them for `idle` after the last handful, for at most `max_keys` keys.
    #[must_use]
    pub fn new(store: S, tokens: u32, idle: Duration, max_keys: usize) -> Self {
        Self::with_clock(store, tokens, idle, max_keys, SystemClock)
    }
}

impl<S: RateLimitStore, C: Clock> LeasedStore<S, C> {
    /// As [`new`](LeasedStore::new), with this clock.
    #[must_use]
    pub fn with_clock(store: S, tokens: u32, idle: Duration, max_keys: usize, clock: C) -> Self {
        let (leases, ticks) = (Mutex::default(), Ticks::new(clock));
        Self { store, tokens, idle: nanos(idle), max_keys, leases, ticks }
    }

    /// Puts what is left of a handful in hand; forgets others that are over when there are too many.
    fn keep(&self, key: &str, left: u32, decision: Decision) {
        let now = self.ticks.nanos();
        let until = now.saturating_add(self.idle);
        let mut leases = self.leases.lock();
        if leases.len() >= self.max_keys {
            leases.retain(|_, held| now < held.until && held.lease.tokens() > 0);
        }
        if let Some(held) = leases.get_mut(key) {
            if now >= held.until {
                held.lease.empty();
            }
            (held.decision, held.until) = (decision, until);
            // What would be more than a handful is forgotten.
            held.lease.put(left, self.tokens);
        } else if leases.len() < self.max_keys {
            let lease = Lease::new();
            lease.put(left, self.tokens);
            leases.insert(key.into(), Held { lease, decision, until });
        }
    }
}

#[async_trait]
impl<S: RateLimitStore, C: Clock> RateLimitStore for LeasedStore<S, C> {
    fn try_acquire_now(&self, key: &str, cost: u32) -> Option<Decision> {
        // A look is for the store.
        if cost == 0 {
            return self.store.try_acquire_now(key, cost);
        }
        let now = self.ticks.nanos();
        let leases = self.leases.lock();
        let held = leases.get(key).filter(|held| now < held.until && held.lease.spend(cost))?;
        let remaining = held.decision.remaining.saturating_add(held.lease.tokens());
        Some(Decision { remaining, ..held.decision })
    }

    /// # Cancel safety
    /// The store may have taken a handful, which is then lost.
    async fn acquire(&self, key: &str, cost: u32) -> Result<Decision> {
        if let Some(decision) = self.try_acquire_now(key, cost) {
            return Ok(decision);
        }
        if cost == 0 || cost >= self.tokens {
            return self.store.acquire(key, cost).await;
        }
        let decision = self.store.acquire(key, self.tokens).await?;
        if !decision.allowed {
            return self.store.acquire(key, cost).await;
        }
        let left = self.tokens - cost;
        self.keep(key, left, decision);
        Ok(Decision { remaining: decision.remaining.saturating_add(left), ..decision })
    }

    async fn refund(&self, key: &str, cost: u32) -> Result<()> {
        self.store.refund(key, cost).await
    }
}

impl<S, C> fmt::Debug for LeasedStore<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeasedStore").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}
