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
use crate::{
    clock::{Clock, SystemClock},
    observe::Observers,
};

/// One breaker per key, with the same settings unless a key has its own; clones share them (requirement E14).
///
/// The key names what fails together, such as `pyxis/acme/api.pyxis.example`. At most `capacity` keys are kept
/// (10 000 by default): a new one takes the place of those that are closed, count no failure, are held by nobody
/// and were asked for longest ago. When there is no such key, the new one gets a breaker that is not kept.
///
/// ```
/// use fsm_integration_core::layers::circuit_breaker::{CircuitBreakerConfig, CircuitBreakerRegistry};
///
/// let breakers = CircuitBreakerRegistry::new(CircuitBreakerConfig::default());
/// let breaker = breakers.get("pyxis/acme/api.pyxis.example");
/// breaker.force_open();
/// assert_eq!(breakers.get("pyxis/acme/api.pyxis.example").state(), breaker.state());
/// assert_eq!(breakers.snapshots().len(), 1);
/// ```
pub struct CircuitBreakerRegistry<C: Clock = SystemClock> {
    shared: Arc<Shared<C>>,
}

struct Shared<C: Clock> {
    settings: RwLock<Settings>,
    capacity: usize,
    clock: C,
    asked: AtomicU64,
    breakers: RwLock<HashMap<Arc<str>, Entry<C>>>,
}

/// What a new breaker gets.
struct Settings {
    config: CircuitBreakerConfig,
    observers: Observers,
}

struct Entry<C: Clock> {
    breaker: CircuitBreaker<C>,
    /// Whether the key has settings of its own.
    own: bool,
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
        let settings = RwLock::new(Settings { config, observers: Observers::default() });
        let (asked, breakers) = (AtomicU64::new(0), RwLock::default());
        Self { shared: Arc::new(Shared { settings, capacity, clock, asked, breakers }) }
    }

    /// Tells these observers of what the breakers decide, those that are kept already included.
    #[must_use]
    pub fn with_observers(self, observers: Observers) -> Self {
        for entry in self.shared.breakers.read().values() {
            let _ = entry.breaker.clone().with_observers(observers.clone());
        }
        self.shared.settings.write().observers = observers;
        self
    }

    /// The key's breaker, made when the key is new; keep it where the same key is asked for again and again.
    #[must_use]
    pub fn get(&self, key: &str) -> CircuitBreaker<C> {
        self.find_asked(key).unwrap_or_else(|| self.insert(key, None))
    }

    /// The key's breaker; when the key is new, with settings of its own.
    #[must_use]
    pub fn get_with(&self, key: &str, config: impl FnOnce() -> CircuitBreakerConfig) -> CircuitBreaker<C> {
        self.find_asked(key).unwrap_or_else(|| self.insert(key, Some(config())))
    }

    /// Gives every breaker without settings of its own, and every new one, other settings.
    ///
    /// What was counted stays counted: [`CircuitBreaker::reconfigure`].
    pub fn reconfigure(&self, config: CircuitBreakerConfig) {
        // Before the breakers, so that one made meanwhile has them or is among the breakers.
        self.shared.settings.write().config = config;
        for entry in self.shared.breakers.read().values().filter(|entry| !entry.own) {
            entry.breaker.reconfigure(config);
        }
    }

    fn find_asked(&self, key: &str) -> Option<CircuitBreaker<C>> {
        let now = self.shared.asked.fetch_add(1, Ordering::Relaxed);
        self.shared.breakers.read().get(key).map(|entry| {
            entry.last_asked.store(now, Ordering::Relaxed);
            entry.breaker.clone()
        })
    }

    fn insert(&self, key: &str, own: Option<CircuitBreakerConfig>) -> CircuitBreaker<C> {
        let Shared { settings, capacity, clock, asked, breakers } = &*self.shared;
        let mut breakers = breakers.write();
        if let Some(entry) = breakers.get(key) {
            return entry.breaker.clone();
        }
        let settings = settings.read();
        let config = own.unwrap_or(settings.config);
        let name = Arc::<str>::from(key);
        let breaker = CircuitBreaker::create(Arc::clone(&name), config, clock.clone(), settings.observers.clone());
        if breakers.len() >= *capacity {
            evict_idle(&mut breakers, capacity.div_ceil(8));
        }
        if breakers.len() < *capacity {
            let last_asked = AtomicU64::new(asked.load(Ordering::Relaxed));
            breakers.insert(name, Entry { breaker: breaker.clone(), own: own.is_some(), last_asked });
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
        && snapshot.failures + snapshot.slow == 0
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
