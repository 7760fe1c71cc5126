use std::{fmt, mem::forget, sync::Arc, thread};

use super::{core::Core, refusal::Refusal, state::Ended, ticket::Ticket};
use crate::{
    clock::{Clock, SystemClock},
    error::{Classify, ErrorClass, Failure, Judge, OnError},
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
        OnError.failure(result).map_or(Self::Success, Self::from)
    }
}

/// What a failure means, by its class (requirement E13).
impl From<Failure> for Outcome {
    #[inline]
    fn from(Failure { class, .. }: Failure) -> Self {
        match class {
            class if class.trips_breaker() => Self::Failure,
            ErrorClass::Cancelled => Self::Cancelled,
            _ => Self::Neutral,
        }
    }
}

impl From<Failure> for Ended {
    #[inline]
    fn from(failure: Failure) -> Self {
        Self { outcome: failure.into(), retry_after: failure.retry_after }
    }
}

/// Admits calls and receives their results.
pub(super) trait Gate {
    fn admit(&self) -> Result<Ticket, Refusal>;
    fn succeed(&self, ticket: Ticket);
    fn settle(&self, ticket: Ticket, ended: Ended);
}

/// Records how a call ended, if it has a ticket.
///
/// Out of line, because most calls succeed.
#[cold]
#[inline(never)]
pub(super) fn settle<G: Gate + ?Sized>(gate: &G, ticket: Ticket, ended: Ended) {
    if !ticket.is_none() {
        gate.settle(ticket, ended);
    }
}

/// Records a panic as a failure, unless the code that may panic has come to its end.
pub(super) struct MayPanic<'a, G: Gate + ?Sized> {
    gate: &'a G,
    ticket: &'a mut Ticket,
}

impl<'a, G: Gate + ?Sized> MayPanic<'a, G> {
    #[inline]
    pub(super) const fn new(gate: &'a G, ticket: &'a mut Ticket) -> Self {
        Self { gate, ticket }
    }

    /// It did not panic.
    #[inline]
    pub(super) fn survived(self) {
        // Holds nothing but borrows.
        forget(self);
    }

    /// Runs code of the inner service; a panic in it is recorded at once, and takes the ticket.
    #[inline]
    pub(super) fn run<T>(gate: &'a G, ticket: &'a mut Ticket, run: impl FnOnce() -> T) -> T {
        let may_panic = Self::new(gate, ticket);
        let value = run();
        may_panic.survived();
        value
    }
}

impl<G: Gate + ?Sized> Drop for MayPanic<'_, G> {
    fn drop(&mut self) {
        settle(self.gate, self.ticket.take(), Outcome::Failure.into());
    }
}

/// Leave to make one call; tell it how the call ended.
///
/// Dropped without that it counts as [`Outcome::Cancelled`], or as a failure when a panic drops it.
#[must_use = "a permit that is dropped counts as a cancelled call"]
pub struct Permit<C: Clock = SystemClock> {
    core: Arc<Core<C>>,
    /// None once it is told.
    ticket: Ticket,
}

impl<C: Clock> Permit<C> {
    pub(super) fn new(core: Arc<Core<C>>, ticket: Ticket) -> Self {
        Self { core, ticket }
    }

    /// Records how the call ended.
    pub fn record(mut self, outcome: Outcome) {
        self.settle(outcome.into());
    }

    /// Records how the call ended, by its result, and hands the result on.
    ///
    /// Unlike [`record`](Self::record) it knows a failure's `Retry-After`.
    ///
    /// # Errors
    /// The result's own error.
    pub fn record_result<T, E: Classify>(self, result: Result<T, E>) -> Result<T, E> {
        self.record_judged(&OnError, result)
    }

    /// As [`record_result`](Self::record_result), for whatever results are failures, answers included.
    ///
    /// # Errors
    /// The result's own error.
    pub fn record_judged<T, E>(mut self, judge: &impl Judge<T, E>, result: Result<T, E>) -> Result<T, E> {
        self.settle(judge.failure(&result).map_or_else(|| Outcome::Success.into(), Ended::from));
        result
    }

    fn settle(&mut self, ended: Ended) {
        settle(&*self.core, self.ticket.take(), ended);
    }
}

impl<C: Clock> Drop for Permit<C> {
    fn drop(&mut self) {
        let outcome = if thread::panicking() { Outcome::Failure } else { Outcome::Cancelled };
        self.settle(outcome.into());
    }
}

impl<C: Clock> fmt::Debug for Permit<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("breaker", &self.core.name()).finish_non_exhaustive()
    }
}
