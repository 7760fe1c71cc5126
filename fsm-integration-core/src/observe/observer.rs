use std::{fmt, sync::Arc};

use super::{MetricsObserver, Observation, TracingObserver};

/// Is told of every decision that the protections take.
///
/// It is called on the path of the call, outside every lock: be quick, and hand on what takes long. Decisions of one
/// handle may be told by several threads at once; a circuit breaker's changes carry a sequence number.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use fsm_integration_core::observe::{Observation, Observer, Observers};
///
/// #[derive(Debug, Default)]
/// struct Refusals(AtomicU32);
///
/// impl Observer for Refusals {
///     fn observe(&self, _name: &str, observation: &Observation) {
///         if let Observation::CircuitRefused { .. } | Observation::RateLimited { .. } = observation {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let observers = Observers::standard().with(Refusals::default());
/// # assert!(observers.listens());
/// ```
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// Takes note of one decision of the handle of this name.
    fn observe(&self, name: &str, observation: &Observation);
}

/// Who is told of a handle's decisions; clones tell the same.
///
/// Default: [`standard`](Self::standard). Nothing is told on the path of a call that succeeds, and telling nobody costs
/// one comparison.
#[derive(Debug, Clone, Default)]
pub struct Observers {
    standard: Standard,
    others: Option<Arc<[Arc<dyn Observer>]>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Standard {
    #[default]
    On,
    Off,
}

impl Observers {
    /// [`MetricsObserver`] and [`TracingObserver`], which cost little while no recorder and no subscriber is installed.
    #[must_use]
    pub const fn standard() -> Self {
        Self { standard: Standard::On, others: None }
    }

    /// Nobody.
    #[must_use]
    pub const fn none() -> Self {
        Self { standard: Standard::Off, others: None }
    }

    /// Tells one more.
    #[must_use]
    pub fn with(mut self, observer: impl Observer) -> Self {
        let known = self.others.iter().flat_map(|others| others.iter().cloned());
        self.others = Some(known.chain([Arc::new(observer) as Arc<dyn Observer>]).collect());
        self
    }

    /// Whether anybody but the standard two is told, so that every refusal matters.
    #[must_use]
    pub const fn listens(&self) -> bool {
        self.others.is_some()
    }

    /// Tells of a decision of the handle of this name.
    #[inline]
    pub fn observe(&self, name: &str, observation: Observation) {
        let standard = self.standard == Standard::On && !observation.is_chatty();
        if standard || self.others.is_some() {
            self.tell(name, &observation, standard);
        }
    }

    #[cold]
    #[inline(never)]
    fn tell(&self, name: &str, observation: &Observation, standard: bool) {
        if standard {
            MetricsObserver.observe(name, observation);
            TracingObserver.observe(name, observation);
        }
        for other in self.others.iter().flat_map(|others| others.iter()) {
            other.observe(name, observation);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use parking_lot::Mutex;

    use super::*;

    /// Keeps what it is told, for the tests of the layers.
    #[derive(Debug, Clone, Default)]
    pub(crate) struct Told(Arc<Mutex<Vec<(String, Observation)>>>);

    impl Told {
        pub(crate) fn observers(&self) -> Observers {
            Observers::none().with(self.clone())
        }

        /// Everything since the last look.
        pub(crate) fn take(&self) -> Vec<(String, Observation)> {
            std::mem::take(&mut *self.0.lock())
        }
    }

    impl Observer for Told {
        fn observe(&self, name: &str, observation: &Observation) {
            self.0.lock().push((name.to_owned(), *observation));
        }
    }

    #[test]
    fn every_observer_is_told_once() {
        let (one, other) = (Told::default(), Told::default());
        let observers = one.observers().with(other.clone());
        observers.observe("erp", Observation::LoadShed);
        let expected = [("erp".to_owned(), Observation::LoadShed)];
        assert_eq!(one.take(), expected);
        assert_eq!(other.take(), expected);
    }

    #[test]
    fn the_standard_observers_leave_out_what_comes_with_every_call() {
        let seen = crate::observe::recorder::Seen::default();
        metrics::with_local_recorder(&seen, || {
            Observers::standard().observe("erp", Observation::CircuitRefused { retry_after: None });
        });
        assert_eq!(seen.take(), []);
    }
}
