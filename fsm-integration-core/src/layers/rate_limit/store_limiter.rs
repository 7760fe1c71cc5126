use std::{fmt, future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::time::timeout;

use super::{
    Decision, KeyedTokenBucket, OnStoreError, Quota, RateLimitStore, StoreLimiterConfig, health::StoreHealth,
    refusals::Refusals,
};
use crate::{
    clock::{Clock, SystemClock, Ticks, nanos},
    error::{Error, ErrorKind, Result},
    observe::{Listening, Observation, Observers},
    sync::Mutex,
};

/// A limit that many processes share through a store, and that goes on without it (requirements R6, R7).
///
/// Clones share it. While the store does not answer in time, [`OnStoreError`] says what decides; by default buckets of
/// this process do, each of an instance's share of the limit, which were kept up with what the store allowed. One call
/// at a time asks the store whether it is back. A refusal is remembered until it passes, so that who is refused costs
/// no round trip.
///
/// ```
/// use std::{num::NonZeroU32, sync::Arc};
/// use fsm_integration_core::layers::rate_limit::{KeyedTokenBucket, Quota, RateLimitStore, StoreLimiter};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let quota = Quota::per_minute_with_burst(NonZeroU32::new(100).unwrap());
/// // Stands for one that is shared.
/// let store = KeyedTokenBucket::<Arc<str>>::new(quota, 10_000);
/// let limiter = StoreLimiter::new("orders", quota, store, Default::default());
/// assert!(limiter.acquire("acme", 1).await.unwrap().allowed);
/// # }
/// ```
pub struct StoreLimiter<S, C = SystemClock> {
    shared: Arc<Shared<S, C>>,
    listening: Arc<Listening>,
}

struct Shared<S, C> {
    store: S,
    config: StoreLimiterConfig,
    limit: u32,
    health: Mutex<StoreHealth>,
    refusals: Mutex<Refusals>,
    /// This instance's share of each bucket.
    local: KeyedTokenBucket<Arc<str>, C>,
    ticks: Ticks<C>,
}

impl<S: RateLimitStore> StoreLimiter<S> {
    /// Asks this store, whose buckets are of this quota.
    #[must_use]
    pub fn new(name: &str, quota: Quota, store: S, config: StoreLimiterConfig) -> Self {
        Self::with_clock(name, quota, store, config, SystemClock)
    }
}

impl<S: RateLimitStore, C: Clock> StoreLimiter<S, C> {
    /// As [`new`](StoreLimiter::new), with this clock for the local decisions; the store's answer is timed by tokio's.
    #[must_use]
    pub fn with_clock(name: &str, quota: Quota, store: S, config: StoreLimiterConfig, clock: C) -> Self {
        let share = quota.share(config.instances);
        let shared = Shared {
            store,
            config,
            limit: quota.limit(),
            health: Mutex::new(StoreHealth::default()),
            refusals: Mutex::new(Refusals::new(quota.limit(), config.max_keys)),
            local: KeyedTokenBucket::with_clock(name, share, config.max_keys, clock.clone()),
            ticks: Ticks::new(clock),
        };
        Self { shared: Arc::new(shared), listening: Arc::new(Listening::new(name)) }
    }

    /// Names this handle, and the clones made of it, for metrics.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        Arc::make_mut(&mut self.listening).name = name.into();
        self
    }

    /// Chooses who is told when a call of this handle, or of the clones made of it, finds that the store stopped or
    /// began again to answer, and of refusals by the layers that they are given to.
    #[must_use]
    pub fn with_observers(mut self, observers: Observers) -> Self {
        Arc::make_mut(&mut self.listening).observers = observers;
        self
    }

    /// The name for metrics.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.listening.name
    }

    /// Who is told of refusals.
    #[must_use]
    pub fn observers(&self) -> Observers {
        self.listening.observers.clone()
    }

    /// Refuses the key's calls in this process for a while, as the other side asked, whatever they cost.
    ///
    /// Neither an answer of the store nor a refund nor a shorter pause ends it. Of more than
    /// [`max_keys`](StoreLimiterConfig::max_keys) keys that are paused at once, some are forgotten.
    pub fn pause(&self, key: &str, duration: Duration) {
        let Shared { refusals, ticks, .. } = &*self.shared;
        refusals.lock().pause(key, ticks.nanos(), duration);
    }

    /// What the limiter says without its store.
    fn without_store(&self, key: &str, cost: u32, failure: impl FnOnce() -> Error) -> Result<Decision> {
        let Shared { config, limit, local, .. } = &*self.shared;
        match config.on_store_error {
            OnStoreError::Local => Ok(local.try_acquire_ref(key, cost)),
            OnStoreError::Open => {
                let (limit, reset_after) = (*limit, Duration::ZERO);
                Ok(Decision { allowed: true, limit, remaining: limit, retry_after: None, reset_after })
            }
            OnStoreError::Closed => Err(failure()),
        }
    }

    /// The refusal where every call fails as the store did.
    pub(super) fn closed(&self, retry_after: Option<Duration>) -> Decision {
        let reset_after = retry_after.unwrap_or_default();
        Decision { allowed: false, limit: self.shared.limit, remaining: 0, retry_after, reset_after }
    }

    /// Asks the store; an answer that is late is none.
    async fn ask(&self, key: &str, cost: u32) -> Result<Decision> {
        let Shared { store, config, .. } = &*self.shared;
        match timeout(config.timeout, store.acquire(key, cost)).await {
            Ok(answer) => answer,
            Err(_) => Err(self.unavailable()),
        }
    }

    /// Tells the store what it need not decide, unless it is left alone.
    async fn tell_store(&self, told: impl Future<Output = Result<()>>) -> Result<()> {
        let Shared { config, health, ticks, .. } = &*self.shared;
        let left_alone = health.lock().is_left_alone(ticks.nanos());
        if left_alone {
            return Err(self.unavailable());
        }
        timeout(config.timeout, told).await.unwrap_or_else(|_| Err(self.unavailable()))
    }

    fn take_note(&self, answered: bool, asked_at: u64) {
        let Shared { config, health, ticks, .. } = &*self.shared;
        let changed = health.lock().outcome(answered, asked_at, ticks.nanos(), nanos(config.retry_after));
        if changed {
            self.listening.observe(Observation::RateLimiterDegraded { degraded: !answered });
        }
    }

    /// Keeps up here with what the store decides.
    fn keep_up(&self, key: &str, cost: u32, decision: &Decision) {
        let Shared { refusals, local, ticks, .. } = &*self.shared;
        if decision.allowed {
            // As far as this instance's share has it: more than a share is used up is not needed.
            let _ = local.try_acquire_ref(key, cost);
        } else {
            refusals.lock().remember(key, cost, ticks.nanos(), *decision);
        }
    }

    fn unavailable(&self) -> Error {
        Error::new(ErrorKind::Unavailable, "the rate limiter's store does not answer")
            .with_retry_after(Some(self.shared.config.retry_after))
    }
}

#[async_trait]
impl<S: RateLimitStore, C: Clock> RateLimitStore for StoreLimiter<S, C> {
    fn try_acquire_now(&self, key: &str, cost: u32) -> Option<Decision> {
        let Shared { store, health, refusals, ticks, .. } = &*self.shared;
        let now = ticks.nanos();
        if let Some(refusal) = refusals.lock().of(key, cost, now) {
            return Some(refusal);
        }
        if let Some(decision) = store.try_acquire_now(key, cost) {
            self.keep_up(key, cost, &decision);
            return Some(decision);
        }
        let left_alone = health.lock().is_left_alone(now);
        if left_alone { self.without_store(key, cost, || self.unavailable()).ok() } else { None }
    }

    /// # Errors
    /// The store's, only with [`OnStoreError::Closed`].
    ///
    /// # Panics
    /// When the store has to be asked outside a tokio runtime with time; so do [`refund`](Self::refund) and
    /// [`charge`](Self::charge).
    ///
    /// # Cancel safety
    /// The store may have taken the tokens; nothing else is lost.
    async fn acquire(&self, key: &str, cost: u32) -> Result<Decision> {
        if let Some(decision) = self.try_acquire_now(key, cost) {
            return Ok(decision);
        }
        let Shared { config, health, ticks, .. } = &*self.shared;
        let asked_at = ticks.nanos();
        let may_ask = health.lock().may_ask(asked_at, nanos(config.retry_after));
        if !may_ask {
            return self.without_store(key, cost, || self.unavailable());
        }
        let answer = self.ask(key, cost).await;
        self.take_note(answer.is_ok(), asked_at);
        match answer {
            Ok(decision) => {
                self.keep_up(key, cost, &decision);
                Ok(decision)
            }
            Err(failure) => {
                // No hint would mean never, but the store may be back.
                let hint = failure.retry_after().unwrap_or(config.retry_after);
                self.without_store(key, cost, || failure.with_retry_after(Some(hint)))
            }
        }
    }

    /// Gives back here at once, and to the store if it answers.
    async fn refund(&self, key: &str, cost: u32) -> Result<()> {
        let Shared { store, local, refusals, .. } = &*self.shared;
        local.refund(&Arc::from(key), cost);
        refusals.lock().forget(key);
        self.tell_store(store.refund(key, cost)).await
    }

    /// Takes of the store, and here what this instance's share has of it; all of it, if the store does not answer.
    ///
    /// So the share is in debt only for what the store was not told: it is a part of the limit, and who lives on the
    /// whole of it would owe more and more of a part.
    async fn charge(&self, key: &str, cost: u32) -> Result<()> {
        let Shared { store, local, .. } = &*self.shared;
        let owned = Arc::from(key);
        let there = local.peek(&owned).remaining.min(cost);
        local.charge(&owned, there);
        let told = self.tell_store(store.charge(key, cost)).await;
        if told.is_err() {
            local.charge(&owned, cost - there);
        }
        told
    }
}

impl<S, C> Clone for StoreLimiter<S, C> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), listening: Arc::clone(&self.listening) }
    }
}

impl<S, C> fmt::Debug for StoreLimiter<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, config) = (&self.listening.name, &self.shared.config);
        f.debug_struct("StoreLimiter").field("name", name).field("config", config).finish_non_exhaustive()
    }
}
