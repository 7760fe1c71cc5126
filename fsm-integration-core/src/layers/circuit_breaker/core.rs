use std::{sync::Arc, time::Instant};

use parking_lot::Mutex;

use super::{
    CircuitBreakerConfig, CircuitSnapshot, CircuitState, Control, Outcome,
    observe::{self, Transition},
    permit::Gate,
    state::Machine,
    word::{View, Word},
};
use crate::{clock::Clock, error::CircuitOpen};

/// The state that clones of a breaker share: the machine under a lock, and what a call needs to know beside it.
pub(super) struct Core<C> {
    word: Word,
    machine: Mutex<Machine>,
    name: Arc<str>,
    clock: C,
}

impl<C: Clock> Core<C> {
    pub(super) fn new(name: Arc<str>, config: CircuitBreakerConfig, clock: C) -> Self {
        let machine = Machine::new(config);
        let core = Self { word: Word::new(machine.view(), clock.now()), machine: Mutex::new(machine), name, clock };
        observe::publish(&core.name, || core.state());
        core
    }

    fn admit_open(&self, until: Instant) -> Result<u64, CircuitOpen> {
        let now = self.clock.now();
        match until.checked_duration_since(now) {
            Some(left) if !left.is_zero() => Err(CircuitOpen { retry_after: Some(left) }),
            _ => self.admit_slowly(now),
        }
    }

    #[cold]
    #[inline(never)]
    fn admit_slowly(&self, now: Instant) -> Result<u64, CircuitOpen> {
        self.change(|machine| machine.admit(now))
    }

    #[cold]
    #[inline(never)]
    fn settle_slowly(&self, epoch: u64, outcome: Outcome) {
        let now = self.clock.now();
        self.change(|machine| machine.record(epoch, outcome, now));
    }

    pub(super) fn control(&self, control: Control) {
        self.change(|machine| machine.control(control));
        tracing::warn!(
            circuit_breaker.name = &*self.name,
            circuit_breaker.control = ?control,
            "an operator took control of the circuit breaker"
        );
    }

    /// Changes the machine under its lock, then tells about a new state outside it.
    fn change<T>(&self, change: impl FnOnce(&mut Machine) -> T) -> T {
        let mut machine = self.machine.lock();
        let from = machine.view().state();
        let result = change(&mut machine);
        let view = machine.view();
        self.word.store(view);
        drop(machine);
        if view.state() != from {
            observe::log(&self.name, Transition { from, to: view.state() });
            observe::publish(&self.name, || self.state());
        }
        result
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn state(&self) -> CircuitState {
        self.word.load().state()
    }

    pub(super) fn snapshot(&self) -> CircuitSnapshot {
        let now = self.clock.now();
        self.machine.lock().snapshot(&self.name, now)
    }
}

impl<C: Clock> Gate for Core<C> {
    /// One load while closed; one load and one look at the clock while open.
    #[inline]
    fn admit(&self) -> Result<u64, CircuitOpen> {
        match self.word.load() {
            View::Closed { epoch, .. } => Ok(epoch),
            View::Open { until } => self.admit_open(until),
            View::HalfOpen => self.admit_slowly(self.clock.now()),
            View::ForcedOpen => Err(CircuitOpen { retry_after: None }),
        }
    }

    /// One load when the result changes nothing, as a success does while no failure is counted.
    #[inline]
    fn settle(&self, epoch: u64, outcome: Outcome) {
        match (outcome, self.word.load()) {
            (Outcome::Success, View::Closed { clean: true, .. }) | (Outcome::Neutral, View::Closed { .. }) => {}
            _ => self.settle_slowly(epoch, outcome),
        }
    }
}
