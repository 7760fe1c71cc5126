//! Lets calls for the same thing share one, while it is under way (singleflight).
//!
//! For reads that many ask for at once: a price, a slot search, an access token. The first caller for a key makes the
//! call, whoever comes before it ends gets a clone of its outcome. Nothing is kept afterwards: this is no cache, and
//! what is put before a cache stops its stampedes.
//!
//! * **Who drives it.** Whoever is there: the call is polled by the first of those waiting that is polled itself after
//!   the call was woken. A caller that goes away, the first one included, leaves the call to the others; nobody fails
//!   because of somebody else's cancellation. When the last one goes, the call is dropped.
//! * **Nobody spins.** Who waits is polled when the call was woken, and when it ends. All are woken and not one chosen
//!   one, since that one may be a task that holds its future without polling it (a `select!` in another branch, a full
//!   `buffer_unordered`), and the others would wait for nothing.
//! * **Failures are shared** as successes are, so that a partner in trouble is not asked once more by each of those who
//!   waited; the error says how by [`ShareError`].
//! * **A panic** belongs to the caller whose call it was; the others start over. If that caller has gone, whoever polled
//!   the call gets it.
//! * **Nobody holds up others.** Answers are cloned side by side and outside the locks. Who waits behind a
//!   [`CoalesceLayer`] gives the service that was ready for its call back: over a limit of calls under way, a hundred who
//!   share one call take one place.
//! * **Bounded.** So many keys at once ([`CoalesceConfig::max_keys`]); a call for one more is made alone.
//!
//! Only for calls without effect, and only where the answer is the same for everybody with the same key: put tenant and
//! rights into the key. The call must not rely on task-local values, nor make a call for its own key, for which it
//! would wait for ever.
//!
//! It goes inside the total deadline and outside retry, so that each caller has its own deadline and one retries for all:
//!
//! ```text
//! right: instrument → deadline → coalesce → retry → …
//! wrong: coalesce → deadline → retry → …              the first caller's deadline is everybody's
//! wrong: instrument → retry → coalesce → …            all who shared a failure retry it, one after the other
//! ```

mod config;
mod flight;
mod future;
mod layer;
mod seat;
mod service;
mod share;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, fmt, future::Future, hash::Hash, sync::Arc};

pub use self::{
    config::CoalesceConfig, future::CoalesceFuture, layer::CoalesceLayer, service::CoalesceService, share::ShareError,
};
use self::{flight::Flight, seat::Joined};
use crate::{
    observe::{Observation, Observers},
    sync::Mutex,
};

/// Shares calls under way by their key; clones share the same calls.
///
/// Whoever waits clones the answer for itself, at the same time as others do, which is why it must be `Sync`; a large one
/// is better kept in an [`Arc`]. Of the user's code only a key's `Hash`, `Eq` and `Clone` run under a lock.
///
/// ```
/// use fsm_integration_core::{error::Error, layers::coalesce::Coalesce};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Error> {
/// let tokens = Coalesce::default();
/// let fetch = || async { Ok::<_, Error>("token") };
/// let (one, other) = tokio::join!(tokens.call("erp", fetch), tokens.call("erp", fetch));
/// assert_eq!((one?, other?, tokens.in_flight()), ("token", "token", 0));
/// # Ok(())
/// # }
/// ```
pub struct Coalesce<K: Eq + Hash, T, E> {
    shared: Arc<Shared<K, T, E>>,
}

type Flights<K, T, E> = HashMap<K, Arc<Flight<T, E>>>;

struct Shared<K, T, E> {
    flights: Arc<Mutex<Flights<K, T, E>>>,
    config: CoalesceConfig,
    name: Arc<str>,
    observers: Observers,
}

impl<K, T, E> Clone for Shared<K, T, E> {
    fn clone(&self) -> Self {
        let (flights, name) = (Arc::clone(&self.flights), Arc::clone(&self.name));
        Self { flights, config: self.config, name, observers: self.observers.clone() }
    }
}

impl<K: Eq + Hash, T, E> Coalesce<K, T, E> {
    /// Shares calls for so many keys at once.
    #[must_use]
    pub fn new(config: CoalesceConfig) -> Self {
        let flights = Arc::new(Mutex::new(HashMap::new()));
        let (name, observers) = ("coalesce".into(), Observers::default());
        Self { shared: Arc::new(Shared { flights, config, name, observers }) }
    }

    /// Names it, for those who are told of what was shared; `coalesce` by default. The calls stay those of its clones.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        Arc::make_mut(&mut self.shared).name = name.into();
        self
    }

    /// Chooses who is told of what was shared; the calls stay those of its clones.
    #[must_use]
    pub fn with_observers(mut self, observers: Observers) -> Self {
        Arc::make_mut(&mut self.shared).observers = observers;
        self
    }

    /// How many keys have a call under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.flights.lock().len()
    }

    fn tell(&self, observation: Observation) {
        self.shared.observers.observe(&self.shared.name, observation);
    }
}

impl<K, T, E> Coalesce<K, T, E>
where
    K: Eq + Hash + Clone,
    T: Clone + Send + Sync + 'static,
    E: ShareError + Send + Sync + 'static,
{
    /// Makes the call, or waits for one that is under way for the same key.
    ///
    /// The call runs for whoever waits for it, on any of their tasks.
    ///
    /// # Errors
    /// The call's own, shared.
    ///
    /// # Panics
    /// When the caller's own call panics.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the call to the others who wait for it; the last one drops it.
    pub async fn call<F>(&self, key: K, make: impl FnOnce() -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        loop {
            match self.join(key.clone()) {
                Joined::Alone => return make().await,
                Joined::Leads(seat) => {
                    seat.start(make());
                    return seat.await.expect("a leader gets its own panic");
                }
                Joined::Follows(seat) => {
                    if let Some(outcome) = seat.await {
                        return outcome;
                    }
                }
            }
        }
    }
}

impl<K: Eq + Hash, T, E> Clone for Coalesce<K, T, E> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<K: Eq + Hash, T, E> Default for Coalesce<K, T, E> {
    fn default() -> Self {
        Self::new(CoalesceConfig::default())
    }
}

impl<K: Eq + Hash, T, E> fmt::Debug for Coalesce<K, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coalesce").field("name", &self.shared.name).field("in_flight", &self.in_flight()).finish()
    }
}
