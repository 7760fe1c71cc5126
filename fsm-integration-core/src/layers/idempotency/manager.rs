use std::{future::Future, sync::Arc};

use super::{
    Begin, Execution, Fingerprint, IdempotencyConfig, IdempotencyKey, IdempotencyStore, Owner, StoreFuture,
    lease::Owners,
};
use crate::{
    error::IdempotencyConflict,
    observe::{Observation, Observers},
};

/// The outcome of work that is done once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Executed<T> {
    /// What the work returned, now or the first time.
    pub value: T,
    /// Whether it is the first call's.
    pub replayed: bool,
}

/// Does work once per key; clones share the store.
///
/// Its name, `idempotency` unless [`with_name`](Self::with_name) says otherwise, stands beside what it tells.
///
/// ```
/// use fsm_integration_core::{error::Error, layers::idempotency::*};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let payments = IdempotencyManager::new(MemoryIdempotencyStore::default()).with_name("payments");
/// let key = IdempotencyKey::new("demo", "payment.create", "PAY-1")?;
/// let paid = payments.execute(&key, Fingerprint::of(b"10.00"), |execution| async move {
///     Ok::<_, Error>(format!("paid under fence {}", execution.fence()))
/// });
/// assert_eq!(paid.await?.value, "paid under fence 1");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct IdempotencyManager<S> {
    pub(super) shared: Arc<Shared<S>>,
}

#[derive(Debug)]
pub(super) struct Shared<S> {
    pub(super) store: Arc<S>,
    pub(super) config: IdempotencyConfig,
    owners: Owners,
    name: Box<str>,
    observers: Observers,
}

impl<S> IdempotencyManager<S> {
    /// Creates a manager with the default settings.
    #[must_use]
    pub fn new(store: S) -> Self {
        Self::with_config(store, IdempotencyConfig::default())
    }

    /// Creates a manager.
    #[must_use]
    pub fn with_config(store: S, config: IdempotencyConfig) -> Self {
        let (store, owners, name) = (Arc::new(store), Owners::new(), "idempotency".into());
        Self { shared: Arc::new(Shared { store, config, owners, name, observers: Observers::default() }) }
    }

    /// A manager of the same store with settings of its own, for an operation that needs others.
    #[must_use]
    pub fn configured(&self, config: IdempotencyConfig) -> Self {
        self.changed(|shared| shared.config = config)
    }

    /// A manager of the same store that is told of by this name.
    #[must_use]
    pub fn with_name(&self, name: &str) -> Self {
        self.changed(|shared| shared.name = name.into())
    }

    /// A manager of the same store that tells these observers what it decides.
    #[must_use]
    pub fn with_observers(&self, observers: Observers) -> Self {
        self.changed(|shared| shared.observers = observers)
    }

    fn changed(&self, change: impl FnOnce(&mut Shared<S>)) -> Self {
        let Shared { store, config, name, observers, .. } = &*self.shared;
        let mut shared = Shared {
            store: Arc::clone(store),
            config: *config,
            owners: Owners::new(),
            name: name.clone(),
            observers: observers.clone(),
        };
        change(&mut shared);
        Self { shared: Arc::new(shared) }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.shared.store
    }

    /// The name that stands beside what it tells.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Does the work, or returns what it returned before; only successes are kept.
    ///
    /// # Errors
    /// The work's own, after which the next call does it again; otherwise an [`IdempotencyConflict`].
    ///
    /// # Cancel safety
    /// Dropping the future drops the work and gives the key back, so that somebody who waits takes over.
    #[inline]
    pub fn execute<'a, T, E, W, F>(
        &'a self,
        key: &'a IdempotencyKey,
        fingerprint: Fingerprint,
        work: W,
    ) -> impl Future<Output = Result<Executed<T>, E>>
    where
        S: IdempotencyStore<T>,
        E: From<IdempotencyConflict>,
        W: FnOnce(Execution) -> F,
        F: Future<Output = Result<T, E>>,
    {
        self.execute_if(key, fingerprint, |_| true, work)
    }

    /// As [`execute`](Self::execute), but keeps a success only if `keep` says so (requirement I6).
    ///
    /// [`Outcome::is_final`](super::Outcome::is_final) is such a function.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    ///
    /// # Cancel safety
    /// As [`execute`](Self::execute).
    #[inline]
    pub fn execute_if<'a, T, E, W, F>(
        &'a self,
        key: &'a IdempotencyKey,
        fingerprint: Fingerprint,
        keep: impl FnOnce(&T) -> bool,
        work: W,
    ) -> impl Future<Output = Result<Executed<T>, E>>
    where
        S: IdempotencyStore<T>,
        E: From<IdempotencyConflict>,
        W: FnOnce(Execution) -> F,
        F: Future<Output = Result<T, E>>,
    {
        self.execute_asking(key, fingerprint, self.owner(), Self::begin, keep, work)
    }

    #[inline]
    pub(super) fn owner(&self) -> Owner {
        self.shared.owners.next()
    }

    #[inline]
    pub(super) fn begin<'a, T>(
        &'a self,
        key: &'a IdempotencyKey,
        fingerprint: Fingerprint,
        owner: Owner,
    ) -> StoreFuture<'a, Begin<T>>
    where
        S: IdempotencyStore<T>,
    {
        self.shared.store.begin(key, fingerprint, owner, self.shared.config.leased_for())
    }

    #[inline]
    pub(super) fn replay<T>(&self, value: T) -> Executed<T> {
        self.tell(Observation::IdempotencyReplayed);
        Executed { value, replayed: true }
    }

    #[cold]
    pub(super) fn refuse(&self, conflict: IdempotencyConflict) -> IdempotencyConflict {
        self.tell(match conflict {
            IdempotencyConflict::LostLease => Observation::IdempotencyLeaseLost,
            other => Observation::IdempotencyRefused { reason: other.label() },
        });
        conflict
    }

    #[inline]
    pub(super) fn tell(&self, observation: Observation) {
        self.shared.observers.observe(&self.shared.name, observation);
    }
}

impl<S> Clone for IdempotencyManager<S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}
