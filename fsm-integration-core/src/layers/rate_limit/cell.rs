//! One bucket's state, shared by threads: governor's cell under our own decision.

use governor::state::{InMemoryState, NotKeyed, StateStore};

use super::gcra::{Gcra, Verdict};

/// A bucket's state as one atomic number.
#[derive(Debug, Default)]
pub(super) struct Cell(InMemoryState);

impl Cell {
    /// Decides and keeps the new state in one atomic step.
    #[inline]
    pub(super) fn decide(&self, gcra: &Gcra, now: u64, cost: u32) -> Verdict {
        let result = self.0.measure_and_replace(&NotKeyed::NonKey, |full_at| {
            let verdict = gcra.decide(full_at.map_or(0, u64::from), now, cost);
            // What changes nothing is an `Err`, which leaves the cell alone.
            if verdict.decision.allowed && cost > 0 { Ok((verdict, verdict.full_at.into())) } else { Err(verdict) }
        });
        match result {
            Ok(verdict) | Err(verdict) => verdict,
        }
    }

    /// Replaces the state by what the function makes of it.
    pub(super) fn update(&self, change: impl Fn(u64) -> u64) {
        let replace = |full_at: Option<_>| Ok::<_, ()>(((), change(full_at.map_or(0, u64::from)).into()));
        // The closure never refuses.
        let _ = self.0.measure_and_replace(&NotKeyed::NonKey, replace);
    }
}
