//! One bucket's state, shared by threads: governor's cell under our own decision.

use std::{convert::Infallible, fmt};

use governor::state::{InMemoryState, NotKeyed, StateStore};

use super::gcra::{Attempt, Gcra, HELD};
use crate::error::RateLimited;

/// A bucket's state as one atomic number.
#[derive(Default)]
pub(super) struct Cell(InMemoryState);

impl Cell {
    /// Decides and keeps the new state in one atomic step; what changes nothing writes nothing.
    #[inline]
    pub(super) fn attempt(&self, gcra: &Gcra, now: u64, cost: u32) -> Attempt {
        let result = self.update(|full_at| {
            let attempt = gcra.attempt(full_at, now, cost);
            if attempt.takes(cost) { Ok((attempt, attempt.full_at)) } else { Err(attempt) }
        });
        match result {
            Ok(attempt) | Err(attempt) => attempt,
        }
    }

    /// Replaces the state by what the function makes of it.
    pub(super) fn change(&self, change: impl Fn(u64) -> u64) {
        let Ok(()) = self.update(|full_at| Ok::<_, Infallible>(((), change(full_at))));
    }

    /// Replaces the state; returns what it was.
    pub(super) fn replace(&self, state: u64) -> u64 {
        let Ok(before) = self.update(|full_at| Ok::<_, Infallible>((full_at, state)));
        before
    }

    /// Takes as many tokens as there are from `least` to `most`; `None` when the line has to be asked.
    pub(super) fn take_up_to(&self, gcra: &Gcra, now: u64, least: u32, most: u32) -> Option<Result<u32, RateLimited>> {
        let taken = self.update(|full_at| match full_at {
            HELD => Err(None),
            full_at => gcra.take_up_to(full_at, now, least, most).map_err(Some),
        });
        taken.map_or_else(|refusal| refusal.map(Err), |taken| Some(Ok(taken)))
    }

    /// Replaces the state by what the function makes of it; an error leaves it alone.
    #[inline]
    pub(super) fn update<T, E>(&self, change: impl Fn(u64) -> Result<(T, u64), E>) -> Result<T, E> {
        self.0.measure_and_replace(&NotKeyed::NonKey, |full_at| {
            change(full_at.map_or(0, u64::from)).map(|(told, full_at)| (told, full_at.into()))
        })
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
