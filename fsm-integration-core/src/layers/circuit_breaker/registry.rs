use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::RwLock;

use super::{CircuitBreaker, CircuitBreakerConfig, CircuitSnapshot, CircuitState, Control};
use crate::clock::{Clock, SystemClock};

/// One breaker per key, all with the same settings; clones share them (requirement E14).
///
/// The key names what fails together, such as `pyxis/acme/api.pyxis.example`. At most `capacity` keys are kept
/// (10 000 by default): a new one takes the place of those that are closed, count no failure, are held by nobody
/// and were asked for longest ago. When there is no such key, the new one gets a breaker that is not kept.
pub struct CircuitBreakerRegistry<C: Clock = SystemClock> {
    shared: Arc<Shared<C>>,
}

struct Shared<C: Clock> {
    config: CircuitBreakerConfig,
    capacity: usize,
    clock: C,
    asked: AtomicU64,
    breakers: RwLock<HashMap<Arc<str>, Entry<C>>>,
}

struct Entry<C: Clock> {
    breaker: CircuitBreaker<C>,
    last_asked: AtomicU64,
}

impl CircuitBreakerRegistry {
    /// How many keys are kept unless said otherwise.
    pub const DEFAULT_CAPACITY: usize = 10_000;

    /// Creates an empty registry.
    #[must_use]
    pub fn new(config: CircuitBreakerConfig) -> Self {
        Self::with_clock(config, Self::DEFAULT_CAPACITY, SystemClock)
    }
}

impl<C: Clock> CircuitBreakerRegistry<C> {
    /// Creates an empty registry that keeps at most `capacity` keys and takes the time from `clock`.
    #[must_use]
    pub fn with_clock(config: CircuitBreakerConfig, capacity: usize, clock: C) -> Self {
        Self {
            shared: Arc::new(Shared { config, capacity, clock, asked: AtomicU64::new(0), breakers: RwLock::default() }),
        }
    }

    /// The key's breaker, made when the key is new.
    #[must_use]
    pub fn get(&self, key: &str) -> CircuitBreaker<C> {
        let Shared { config, capacity, clock, asked, breakers } = &*self.shared;
        let now = asked.fetch_add(1, Ordering::Relaxed);
        if let Some(entry) = breakers.read().get(key) {
            entry.last_asked.store(now, Ordering::Relaxed);
            return entry.breaker.clone();
        }
        let name = Arc::<str>::from(key);
        let mut breakers = breakers.write();
        if let Some(entry) = breakers.get(key) {
            return entry.breaker.clone();
        }
        let breaker = CircuitBreaker::with_clock(Arc::clone(&name), *config, clock.clone());
        if breakers.len() >= *capacity {
            evict_idle(&mut breakers, capacity.div_ceil(8));
        }
        if breakers.len() < *capacity {
            breakers.insert(name, Entry { breaker: breaker.clone(), last_asked: AtomicU64::new(now) });
        } else {
            tracing::warn!(
                circuit_breaker.name = key,
                capacity,
                "no room for one more circuit breaker; raise the capacity"
            );
        }
        breaker
    }

    /// The key's breaker, if it is kept.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<CircuitBreaker<C>> {
        self.shared.breakers.read().get(key).map(|entry| entry.breaker.clone())
    }

    /// What every kept breaker is now, by name.
    #[must_use]
    pub fn snapshots(&self) -> Vec<CircuitSnapshot> {
        let mut snapshots: Vec<_> =
            self.shared.breakers.read().values().map(|entry| entry.breaker.snapshot()).collect();
        snapshots.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        snapshots
    }
}

/// Removes up to `count` idle breakers, those first that were asked for longest ago.
///
/// Several at once, so that a flood of new keys does not look through all of them for each.
fn evict_idle<C: Clock>(breakers: &mut HashMap<Arc<str>, Entry<C>>, count: usize) {
    let mut idle: Vec<_> = breakers
        .iter()
        .filter(|(_, entry)| is_idle(&entry.breaker))
        .map(|(key, entry)| (entry.last_asked.load(Ordering::Relaxed), Arc::clone(key)))
        .collect();
    idle.sort_unstable();
    for (_, key) in idle.into_iter().take(count) {
        breakers.remove(&key);
    }
}

/// Whether forgetting the breaker changes nothing: nobody holds it, and a new one would be the same.
fn is_idle<C: Clock>(breaker: &CircuitBreaker<C>) -> bool {
    let snapshot = breaker.snapshot();
    Arc::strong_count(&breaker.core) == 1
        && snapshot.state == CircuitState::Closed
        && snapshot.control == Control::Automatic
        && snapshot.failures == 0
}

impl<C: Clock> Clone for CircuitBreakerRegistry<C> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<C: Clock> fmt::Debug for CircuitBreakerRegistry<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerRegistry")
            .field("kept", &self.shared.breakers.read().len())
            .field("capacity", &self.shared.capacity)
            .finish_non_exhaustive()
    }
}
