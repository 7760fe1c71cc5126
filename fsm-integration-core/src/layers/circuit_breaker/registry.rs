use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::RwLock;

use super::{CircuitBreaker, CircuitBreakerConfig, CircuitSnapshot};
use crate::{
    clock::{Clock, SystemClock, Ticks},
    observe::Observers,
};

/// One breaker per key, with the same settings unless a key has its own; clones share them (requirement E14).
///
/// The key names what fails together, such as `pyxis/acme/api.pyxis.example`. At most `capacity` keys are kept
/// (10 000 by default): a new one takes the place of those that nobody holds and that were asked for longest ago; first
/// of closed ones that count no failure, then of the other closed ones, then of those whose wait is over. One that
/// refuses calls, or that an operator set, is never forgotten: where all are so, the new key gets a breaker that is not
/// kept. After a look for room in vain the next is a second later, and the want of it is warned of once a minute.
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
    ticks: Ticks<C>,
    /// Since when room may be looked for, and since when the want of it may be told; both under the lock of the breakers.
    look_from: AtomicU64,
    warn_from: AtomicU64,
}

/// Waited after a look for room that found none, since it goes through all breakers.
const LOOK_EVERY: u64 = 1_000_000_000;
/// Waited between two warnings of no room.
const WARN_EVERY: u64 = 60 * LOOK_EVERY;

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
        let (ticks, look_from, warn_from) = (Ticks::new(clock.clone()), AtomicU64::new(0), AtomicU64::new(0));
        let shared = Shared { settings, capacity, clock, asked, breakers, ticks, look_from, warn_from };
        Self { shared: Arc::new(shared) }
    }

    /// Tells these observers of what the breakers decide, those that are kept already included.
    #[must_use]
    pub fn with_observers(self, observers: Observers) -> Self {
        // Before the breakers, so that one made meanwhile tells them or is among the breakers.
        self.shared.settings.write().observers = observers;
        for breaker in self.kept(|_| true) {
            let observers = self.shared.settings.read().observers.clone();
            let _ = breaker.with_observers(observers);
        }
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
        for breaker in self.kept(|entry| !entry.own) {
            breaker.reconfigure(config);
        }
    }

    /// The breakers that are kept, for what must not be done under the lock.
    fn kept(&self, which: impl Fn(&Entry<C>) -> bool) -> Vec<CircuitBreaker<C>> {
        let breakers = self.shared.breakers.read();
        breakers.values().filter(|entry| which(entry)).map(|entry| entry.breaker.clone()).collect()
    }

    fn find_asked(&self, key: &str) -> Option<CircuitBreaker<C>> {
        let now = self.shared.asked.fetch_add(1, Ordering::Relaxed);
        self.shared.breakers.read().get(key).map(|entry| {
            entry.last_asked.store(now, Ordering::Relaxed);
            entry.breaker.clone()
        })
    }

    fn insert(&self, key: &str, own: Option<CircuitBreakerConfig>) -> CircuitBreaker<C> {
        let Shared { settings, capacity, clock, asked, breakers, .. } = &*self.shared;
        let mut breakers = breakers.write();
        if let Some(entry) = breakers.get(key) {
            return entry.breaker.clone();
        }
        let (config, observers) = {
            let settings = settings.read();
            (own.unwrap_or(settings.config), settings.observers.clone())
        };
        let name = Arc::<str>::from(key);
        let breaker = CircuitBreaker::create(Arc::clone(&name), config, clock.clone(), observers);
        if breakers.len() >= *capacity {
            self.make_room(&mut breakers);
        }
        let kept = breakers.len() < *capacity;
        let warns = !kept && self.may_warn();
        if kept {
            let last_asked = AtomicU64::new(asked.load(Ordering::Relaxed));
            breakers.insert(name, Entry { breaker: breaker.clone(), own: own.is_some(), last_asked });
        }
        drop(breakers);
        // Told outside the lock: an observer may ask for breakers.
        breaker.core.introduce();
        if warns {
            tracing::warn!(
                circuit_breaker.name = key,
                capacity,
                "no room for one more circuit breaker; raise the capacity"
            );
        }
        breaker
    }

    fn make_room(&self, breakers: &mut HashMap<Arc<str>, Entry<C>>) {
        let Shared { capacity, ticks, look_from, .. } = &*self.shared;
        let now = ticks.nanos();
        if now < look_from.load(Ordering::Relaxed) {
            return;
        }
        evict(breakers, capacity.div_ceil(8));
        if breakers.len() >= *capacity {
            look_from.store(now.saturating_add(LOOK_EVERY), Ordering::Relaxed);
        }
    }

    /// Whether the want of room was not told for a while.
    pub(super) fn may_warn(&self) -> bool {
        let (now, from) = (self.shared.ticks.nanos(), &self.shared.warn_from);
        let may = now >= from.load(Ordering::Relaxed);
        if may {
            from.store(now.saturating_add(WARN_EVERY), Ordering::Relaxed);
        }
        may
    }

    /// The key's breaker, if it is kept.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<CircuitBreaker<C>> {
        self.shared.breakers.read().get(key).map(|entry| entry.breaker.clone())
    }

    /// What every kept breaker is now, by name.
    #[must_use]
    pub fn snapshots(&self) -> Vec<CircuitSnapshot> {
        let mut snapshots: Vec<_> = self.kept(|_| true).iter().map(CircuitBreaker::snapshot).collect();
        snapshots.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        snapshots
    }
}

/// Removes up to `count` breakers that nobody holds, those first that lose least and were asked for longest ago.
///
/// Several at once, so that a flood of new keys does not look through all of them for each.
fn evict<C: Clock>(breakers: &mut HashMap<Arc<str>, Entry<C>>, count: usize) {
    let mut forgettable: Vec<_> = breakers
        .iter()
        .filter(|(_, entry)| Arc::strong_count(&entry.breaker.core) == 1)
        .filter_map(|(key, entry)| {
            let loss = entry.breaker.core.loss()?;
            Some((loss, entry.last_asked.load(Ordering::Relaxed), Arc::clone(key)))
        })
        .collect();
    forgettable.sort_unstable();
    for (.., key) in forgettable.into_iter().take(count) {
        breakers.remove(&key);
    }
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
