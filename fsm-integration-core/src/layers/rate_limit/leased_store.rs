use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::{sync::MutexGuard, time::timeout};

use super::{Decision, RateLimitStore, handfuls::Handfuls};
use crate::{
    clock::{Clock, SystemClock, Ticks, nanos},
    error::Result,
};

/// Takes tokens from a store by the handful, so that most calls cost no round trip (requirement R7).
///
/// Tokens are taken early, never made: in any span of time at most `nodes * tokens` more calls of a key are let through
/// than by the store alone. What this node does not spend within `idle` is forgotten, which errs on the safe side: the
/// store's bucket refills as if it had been spent. Of the calls that find too little in hand at the same time one asks
/// the store, for all of them; who has waited 25 ms for that asks for itself. Near the limit, when the store has no
/// handful left, each call takes what it needs for `idle`; the one that finds out has a second round trip. That is so
/// always, and the leases are of no use, when a handful is more than the capacity of the store's buckets. A call that
/// costs a handful or more is the store's alone.
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
    handfuls: Mutex<Handfuls<Turn>>,
    ticks: Ticks<C>,
}

/// So long a call waits for another that asks the store; then it asks for itself.
///
/// A quarter of what [`StoreLimiter`](super::StoreLimiter) waits for its store by default: a long line of callers is no
/// store that is down.
const PATIENCE: Duration = Duration::from_millis(25);

/// Held by the call that asks the store.
type Turn = Arc<tokio::sync::Mutex<()>>;

/// One of the calls that want more of a key; leaves them on drop.
struct Wanting<'a> {
    handfuls: &'a Mutex<Handfuls<Turn>>,
    key: &'a str,
    cost: u32,
    turn: Turn,
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
        let handfuls = Mutex::new(Handfuls::new(tokens, nanos(idle), max_keys));
        Self { store, tokens, handfuls, ticks: Ticks::new(clock) }
    }

    fn join<'a>(&'a self, key: &'a str, cost: u32) -> Option<Wanting<'a>> {
        let turn = self.handfuls.lock().join(key, cost, self.ticks.nanos())?;
        Some(Wanting { handfuls: &self.handfuls, key, cost, turn })
    }

    fn spend(&self, key: &str, cost: u32) -> Option<Decision> {
        self.handfuls.lock().spend(key, cost, self.ticks.nanos())
    }

    /// Asks the store for all who want some; `None` when each asks for itself.
    async fn fetch(&self, wanting: &Wanting<'_>) -> Result<Option<Decision>> {
        let Wanting { key, cost, .. } = *wanting;
        let Some(_turn) = turn(&wanting.turn).await else { return Ok(None) };
        // What the one before has brought.
        if let Some(decision) = self.spend(key, cost) {
            return Ok(Some(decision));
        }
        let Some(handful) = self.handfuls.lock().ask(key, self.ticks.nanos()) else {
            return Ok(None);
        };
        let answer = self.store.acquire(key, handful).await;
        let now = self.ticks.nanos();
        let decision = match answer {
            Ok(decision) if decision.allowed => decision,
            Ok(decision) => {
                self.handfuls.lock().is_scarce(key, decision, now);
                return Ok(None);
            }
            Err(failure) => {
                self.handfuls.lock().disband(key);
                return Err(failure);
            }
        };
        let left = handful - cost;
        self.handfuls.lock().keep(key, left, decision, now);
        Ok(Some(Decision { remaining: decision.remaining.saturating_add(left), ..decision }))
    }
}

/// The turn to ask the store; `None` when those before take too long.
async fn turn(turn: &tokio::sync::Mutex<()>) -> Option<MutexGuard<'_, ()>> {
    match turn.try_lock() {
        Ok(free) => Some(free),
        Err(_) => timeout(PATIENCE, turn.lock()).await.ok(),
    }
}

impl Drop for Wanting<'_> {
    fn drop(&mut self) {
        self.handfuls.lock().leave(self.key, self.cost);
    }
}

#[async_trait]
impl<S: RateLimitStore, C: Clock> RateLimitStore for LeasedStore<S, C> {
    fn try_acquire_now(&self, key: &str, cost: u32) -> Option<Decision> {
        // A look is for the store.
        if cost == 0 { self.store.try_acquire_now(key, cost) } else { self.spend(key, cost) }
    }

    /// # Cancel safety
    /// The store may have taken a handful, or what all who wait want, which is then lost; who else wants some asks anew.
    /// While it is kept but not polled, others who want tokens of the key wait a little, then ask for themselves.
    ///
    /// # Panics
    /// Outside a tokio runtime with time, when it has to wait for another call.
    async fn acquire(&self, key: &str, cost: u32) -> Result<Decision> {
        if let Some(decision) = self.try_acquire_now(key, cost) {
            return Ok(decision);
        }
        let wanting = if cost == 0 { None } else { self.join(key, cost) };
        if let Some(wanting) = wanting
            && let Some(decision) = self.fetch(&wanting).await?
        {
            return Ok(decision);
        }
        self.store.acquire(key, cost).await
    }

    async fn refund(&self, key: &str, cost: u32) -> Result<()> {
        self.store.refund(key, cost).await
    }

    /// What is in hand pays first, the store's bucket the rest; while that is in debt nobody has a handful of it.
    async fn charge(&self, key: &str, cost: u32) -> Result<()> {
        let left = self.handfuls.lock().charge(key, cost, self.ticks.nanos());
        if left == 0 { Ok(()) } else { self.store.charge(key, left).await }
    }
}

impl<S, C> fmt::Debug for LeasedStore<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeasedStore").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}
