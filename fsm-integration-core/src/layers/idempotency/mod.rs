//! Does work once per key, whatever is repeated, and hands the stored outcome to every repetition.
//!
//! ```text
//!            begin                      complete
//!  ABSENT ──────────> IN_PROGRESS ──────────────────> DONE ── ttl ──> ABSENT
//!     ^               owner, fence,                   fingerprint,
//!     │               lease, fingerprint              outcome
//!     └── release ────────┘   └── lease over: the next begin wins with a higher fence
//! ```
//!
//! * The key is tenant + operation + the client's key (requirement I1); a known key with another payload is a
//!   mismatch, told before anything else (I3). A request whose key cannot be used is refused, not done without one.
//! * A repetition while the first call runs waits a bounded time for its outcome, using no CPU, then is told
//!   when to ask again (I4). When the first call fails, is dropped or panics, one of those waiting takes over at once.
//! * What stands for good is kept for 24 h from its completion (I12): 2xx and what the business refused, never faults,
//!   timeouts, failed validation, conflicts or throttling (I6; [`is_final_status`], [`Outcome`] for your own types).
//! * A shared store's outcomes can be remembered here ([`CachedIdempotencyStore`], I13): what is done, and only that.
//! * The lease of 30 s is renewed every 10 s while the work lives (I8). Completion by anybody but the owner is refused
//!   and told as [`IdempotencyConflict::LostLease`](crate::error::IdempotencyConflict::LostLease).
//! * Work in phases records [recovery points](Execution::recovery_point), from which the next owner goes on after a
//!   crash, a failure or a cancellation (I9).
//! * Without its store nothing is done: writes fail closed (I14), unless an operation says
//!   [`StoreFailure::Proceed`]. What was done but could not be written down is
//!   [`IdempotencyConflict::OutcomeUnknown`](crate::error::IdempotencyConflict::OutcomeUnknown), never a plain failure;
//!   what is done and can no longer be read is refused in any case.
//!
//! Derive ids inside the work from the business identity (UUIDv5), so that even a repeated execution after a crash
//! does the same thing again (I15). Where the effect lies in the same SQLite database, leave leases out of it:
//! `SqliteIdempotencyStore::look_up_in` and `record_done_in` share the effect's own transaction.
//!
//! It goes outside of everything that retries or times out, so that a repetition meets the whole call, and inside what
//! authenticates and validates, so that nobody holds keys with requests that are refused anyway:
//!
//! ```text
//! right: instrument → validate → idempotency → deadline → retry → …
//! wrong: idempotency → validate → …     a request that is refused takes a key
//! wrong: retry → idempotency → …        each attempt waits for the one before it
//! ```
//!
//! ```
//! use fsm_integration_core::{error::Error, layers::idempotency::*};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let manager = IdempotencyManager::new(MemoryIdempotencyStore::<u32>::default());
//! let key = IdempotencyKey::new("demo", "payment.create", "PAY-1")?;
//! let fingerprint = Fingerprint::of(br#"{"amount":"10.00"}"#);
//!
//! let first = manager.execute(&key, fingerprint, |_lease| async { Ok::<_, Error>(42) }).await?;
//! let again = manager.execute(&key, fingerprint, |_lease| async { Ok::<_, Error>(43) }).await?;
//! assert_eq!((first.value, again.value, again.replayed), (42, 42, true));
//! # Ok(())
//! # }
//! ```

mod acquire;
mod cached;
mod call;
mod config;
mod execution;
mod fingerprint;
mod future;
mod key;
mod layer;
mod lease;
mod manager;
mod memory;
mod outcome;
mod point;
mod response;
mod service;
#[cfg(feature = "sqlite")]
mod sqlite;
mod state;
mod store;

#[cfg(test)]
mod tests;

#[cfg(feature = "sqlite")]
pub use self::sqlite::{Claim, SqliteIdempotencyStore};
pub use self::{
    cached::CachedIdempotencyStore,
    config::{IdempotencyConfig, StoreFailure},
    execution::Execution,
    fingerprint::Fingerprint,
    future::IdempotencyFuture,
    key::{IdempotencyKey, client_key},
    layer::IdempotencyLayer,
    lease::{Lease, Owner},
    manager::{Executed, IdempotencyManager},
    memory::MemoryIdempotencyStore,
    outcome::{CarryExecution, Keep, KeepFinal, KeepIf, Outcome, Replayable, is_final_status},
    point::RecoveryPoint,
    response::{REPLAYED, StoredResponse},
    service::IdempotencyService,
    store::{Begin, IdempotencyStore, RecoveryPoints, StoreFuture, StoreOutcome},
};
pub use crate::error::InvalidIdempotencyKey;
