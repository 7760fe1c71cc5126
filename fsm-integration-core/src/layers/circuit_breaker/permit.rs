use std::{fmt, mem::forget, ops::Deref, sync::Arc, thread};

use super::{
    core::Core,
    state::{Ended, Ticket},
};
use crate::{
    clock::{Clock, SystemClock},
    error::{CircuitOpen, Classify, ErrorClass},
};

/// How a call ended, in a breaker's eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The other side did what was asked.
    Success,
    /// The other side is unwell.
    Failure,
    /// Says nothing about the other side: a bad request, a local refusal.
    Neutral,
    /// The caller went away before the end; counts by choice only.
    Cancelled,
}

impl Outcome {
    /// What a result means, by its error's class (requirement E13).
    pub fn of<T, E: Classify>(result: &Result<T, E>) -> Self {
        match result {
            Ok(_) => Self::Success,
            Err(error) => match error.class() {
                class if class.trips_breaker() => Self::Failure,
                ErrorClass::Cancelled => Self::Cancelled,
                _ => Self::Neutral,
            },
        }
    }
}

impl Ended {
    /// How a call ended, by its result.
    #[inline]
    pub(super) fn of<T, E: Classify>(result: &Result<T, E>) -> Self {
        let outcome = Outcome::of(result);
        match result {
            Err(error) if outcome == Outcome::Failure => Self { outcome, retry_after: error.retry_after() },
            _ => outcome.into(),
        }
    }
}

/// Admits calls and receives their results.
pub(super) trait Gate {
    fn admit(&self) -> Result<Ticket, CircuitOpen>;
    fn succeed(&self, ticket: Ticket);
    fn settle(&self, ticket: Ticket, ended: Ended);
}

/// One call before a breaker, borrowed or owned; given back as cancelled when dropped without a result.
pub(super) struct Admission<B: Deref<Target: Gate>> {
    gate: B,
    /// [`Ticket::NONE`] but from admission until the result.
    ticket: Ticket,
}

impl<B: Deref<Target: Gate>> Admission<B> {
    /// A call that will ask for leave when it begins.
    pub(super) fn later(gate: B) -> Self {
        Self { gate, ticket: Ticket::NONE }
    }

    /// A call that has leave.
    pub(super) fn admitted(gate: B, ticket: Ticket) -> Self {
        Self { gate, ticket }
    }

    /// Asks for leave unless the call has it.
    #[inline]
    pub(super) fn admit(&mut self) -> Result<(), CircuitOpen> {
        if self.ticket.is_none() {
            self.ticket = self.gate.admit()?;
        }
        Ok(())
    }

    /// Records the result, once.
    #[inline]
    pub(super) fn settle_as<T, E: Classify>(&mut self, result: &Result<T, E>) {
        match result {
            Ok(_) => {
                if let Some(ticket) = self.take_ticket() {
                    self.gate.succeed(ticket);
                }
            }
            Err(_) => self.settle(Ended::of(result)),
        }
    }

    /// Records how the call ended, once; out of line, because most succeed.
    #[cold]
    #[inline(never)]
    pub(super) fn settle(&mut self, ended: impl Into<Ended>) {
        if let Some(ticket) = self.take_ticket() {
            self.gate.settle(ticket, ended.into());
        }
    }

    #[inline]
    fn take_ticket(&mut self) -> Option<Ticket> {
        let ticket = self.ticket;
        self.ticket.epoch = Ticket::NONE.epoch;
        (!ticket.is_none()).then_some(ticket)
    }

    /// Runs code of the inner service; a panic in it is a failure, recorded at once.
    #[inline]
    pub(super) fn guard<T>(&mut self, run: impl FnOnce() -> T) -> T {
        struct OnPanic<'a, B: Deref<Target: Gate>>(&'a mut Admission<B>);
        impl<B: Deref<Target: Gate>> Drop for OnPanic<'_, B> {
            fn drop(&mut self) {
                self.0.settle(Outcome::Failure);
            }
        }
        let panicked = OnPanic(self);
        let value = run();
        // Reached only without a panic; the guard holds nothing but a borrow.
        forget(panicked);
        value
    }
}

/// Records a panic as a failure, unless the code that may panic has come to its end.
pub(super) struct MayPanic<'a, G: Gate> {
    gate: &'a G,
    ticket: Ticket,
}

impl<'a, G: Gate> MayPanic<'a, G> {
    pub(super) fn new(gate: &'a G, ticket: Ticket) -> Self {
        Self { gate, ticket }
    }

    /// It did not panic: the call goes on with its ticket.
    #[inline]
    pub(super) fn survived(self) -> Ticket {
        let ticket = self.ticket;
        // Holds nothing but a borrow.
        forget(self);
        ticket
    }
}

impl<G: Gate> Drop for MayPanic<'_, G> {
    fn drop(&mut self) {
        self.gate.settle(self.ticket, Outcome::Failure.into());
    }
}

impl<B: Deref<Target: Gate>> Drop for Admission<B> {
    #[inline]
    fn drop(&mut self) {
        if !self.ticket.is_none() {
            self.settle(Outcome::Cancelled);
        }
    }
}

/// Leave to make one call; tell it how the call ended.
///
/// Dropped without that it counts as [`Outcome::Cancelled`], or as a failure when a panic drops it.
#[must_use = "a permit that is dropped counts as a cancelled call"]
pub struct Permit<C: Clock = SystemClock> {
    admission: Admission<Arc<Core<C>>>,
}

impl<C: Clock> Permit<C> {
    pub(super) fn new(admission: Admission<Arc<Core<C>>>) -> Self {
        Self { admission }
    }

    /// Records how the call ended.
    pub fn record(mut self, outcome: Outcome) {
        self.admission.settle(outcome);
    }

    /// Records how the call ended, by its result, and hands the result on.
    ///
    /// Unlike [`record`](Self::record) it knows a failure's `Retry-After`.
    ///
    /// # Errors
    /// The result's own error.
    pub fn record_result<T, E: Classify>(mut self, result: Result<T, E>) -> Result<T, E> {
        self.admission.settle_as(&result);
        result
    }
}

impl<C: Clock> Drop for Permit<C> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.admission.settle(Outcome::Failure);
        }
    }
}

impl<C: Clock> fmt::Debug for Permit<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("breaker", &self.admission.gate.name()).finish_non_exhaustive()
    }
}
