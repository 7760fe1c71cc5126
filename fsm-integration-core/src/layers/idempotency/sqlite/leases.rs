use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::millis;
use crate::{
    clock::{Clock, SystemClock},
    layers::idempotency::{IdempotencyKey, Owner, state::Record},
};

/// So many leases are kept before those that are over are looked for.
const FEW: usize = 64;

/// Until when the owners of this process hold their keys, by the clock that does not jump.
///
/// A row tells a date, the only time that all processes share; a wall clock that is set brings it nearer or moves it away.
#[derive(Clone)]
pub(super) struct Leases {
    held: Arc<Mutex<Held>>,
    now: Arc<dyn Fn() -> Instant + Send + Sync>,
}

#[derive(Default)]
struct Held {
    leases: HashMap<IdempotencyKey, (Owner, Instant)>,
    sweep_at: usize,
}

impl Leases {
    pub(super) fn with_clock(clock: impl Clock) -> Self {
        Self { held: Arc::default(), now: Arc::new(move || clock.now()) }
    }

    pub(super) fn now(&self) -> Instant {
        (self.now)()
    }

    /// From now on the owner has the key for so long.
    pub(super) fn hold(&self, key: &IdempotencyKey, owner: Owner, lease: Duration) {
        let now = self.now();
        // One that never ends is not brought nearer either.
        let Some(until) = now.checked_add(lease) else { return };
        let mut held = self.held.lock();
        if held.leases.len() >= held.sweep_at.max(FEW) {
            held.leases.retain(|_, (_, until)| now < *until);
            held.sweep_at = held.leases.len() * 2;
        }
        held.leases.insert(key.clone(), (owner, until));
    }

    pub(super) fn end(&self, key: &IdempotencyKey, owner: Owner) {
        let mut held = self.held.lock();
        if held.leases.get(key).is_some_and(|(holder, _)| *holder == owner) {
            held.leases.remove(key);
        }
    }

    /// Makes the lease of an owner who lives here last as long as it does; `wall` is the present of the row's date.
    pub(super) fn correct(&self, key: &IdempotencyKey, record: &mut Option<Record<String>>, wall: i64, now: Instant) {
        let Some(Record::InProgress { lease, until, .. }) = record else { return };
        let held = self.held.lock();
        let Some((_, ends)) = held.leases.get(key).filter(|(owner, _)| *owner == lease.owner) else { return };
        *until = match ends.checked_duration_since(now).map(millis) {
            Some(left) if left > 0 => wall.saturating_add(left),
            _ => wall.min(*until),
        };
    }
}

impl Default for Leases {
    fn default() -> Self {
        Self::with_clock(SystemClock)
    }
}

impl fmt::Debug for Leases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leases").field("held", &self.held.lock().leases.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_that_are_over_are_not_kept_for_ever() {
        let leases = Leases::default();
        for number in 0..10 * FEW {
            let key = IdempotencyKey::new("demo", "order.intake", &number.to_string()).expect("a key");
            leases.hold(&key, Owner::random(), Duration::ZERO);
            assert!(leases.held.lock().leases.len() <= FEW);
        }
    }
}
