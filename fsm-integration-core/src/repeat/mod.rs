//! What the layers that send a request more than once have in common; public as parts of theirs.

mod budget;
mod kept;
mod replay;

pub(crate) use self::kept::{Keeper, Kept};
pub use self::{
    budget::{RetryBudget, RetryBudgetConfig, RetryCosts},
    replay::{Attempt, Hedged, Replay},
};
