use std::{borrow::Cow, fmt, sync::Arc};

use serde_json::Value;

use super::{IdempotencyKey, Lease, Owner, RecoveryPoint, RecoveryPoints, StoreOutcome};
use crate::error::IdempotencyConflict;

/// One execution of the work of a key, as the work itself sees it. Cheap to clone.
///
/// Work in several phases records a point after each, so that whoever takes over after a crash, a failure or a
/// cancellation goes on from there and does no phase twice (Brandur Leach, "Implementing Stripe-like Idempotency Keys
/// in Postgres"): foreign calls only between points, one foreign call a phase.
///
/// ```
/// use fsm_integration_core::{error::Error, layers::idempotency::*};
/// use serde_json::json;
///
/// async fn charge() -> Result<String, Error> { Ok("ch_1".to_owned()) }
/// async fn ship(_charge: &str) -> Result<(), Error> { Ok(()) }
///
/// async fn order(execution: Execution) -> Result<(), Error> {
///     let charge = match execution.resumed_at("charged") {
///         Some(data) => data["charge"].as_str().unwrap_or_default().to_owned(),
///         None => {
///             let charge = charge().await?;
///             execution.recovery_point("charged", json!({ "charge": charge })).await?;
///             charge
///         }
///     };
///     ship(&charge).await
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = IdempotencyManager::new(MemoryIdempotencyStore::default());
/// let key = IdempotencyKey::new("demo", "order.create", "1")?;
/// manager.execute(&key, Fingerprint::NONE, order).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Execution {
    points: Arc<dyn RecoveryPoints>,
    key: IdempotencyKey,
    lease: Lease,
    resumed: Option<Arc<RecoveryPoint>>,
}

impl Execution {
    #[inline]
    pub(super) fn new(
        points: Arc<dyn RecoveryPoints>,
        key: IdempotencyKey,
        lease: Lease,
        resumed: Option<Arc<RecoveryPoint>>,
    ) -> Self {
        Self { points, key, lease, resumed }
    }

    /// Work that is done although the store cannot be asked: it owns nothing.
    pub(super) fn unprotected(points: Arc<dyn RecoveryPoints>, key: IdempotencyKey) -> Self {
        Self::new(points, key, Lease { owner: Owner::NOBODY, fence: 0 }, None)
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &IdempotencyKey {
        &self.key
    }

    /// The right to do the work.
    #[must_use]
    pub const fn lease(&self) -> Lease {
        self.lease
    }

    /// Grows with each execution; hand it to the system that the work changes, which refuses lower ones.
    ///
    /// 0 when the work is done without the store
    /// ([`StoreFailure::Proceed`](super::StoreFailure::Proceed)).
    #[must_use]
    pub const fn fence(&self) -> u64 {
        self.lease.fence
    }

    /// How far an earlier execution got, if one did and recorded it.
    #[must_use]
    pub fn resumed(&self) -> Option<&RecoveryPoint> {
        self.resumed.as_deref()
    }

    /// What an earlier execution left at this point, if that is how far it got.
    #[must_use]
    pub fn resumed_at(&self, name: &str) -> Option<&Value> {
        self.resumed().filter(|point| point.name == name).map(|point| &point.data)
    }

    /// Records that a phase is over; the latest point is the one from which a later execution goes on.
    ///
    /// # Errors
    /// [`IdempotencyConflict::LostLease`] when another owner has taken over: stop, it goes on from the last point;
    /// [`IdempotencyConflict::StoreUnavailable`] when the store cannot be asked, and always for work that is done
    /// without it ([`StoreFailure::Proceed`](super::StoreFailure::Proceed)): nobody has taken over, nothing is recorded.
    ///
    /// # Cancel safety
    /// Dropped while it waits, the point may or may not have been recorded.
    pub async fn recovery_point(
        &self,
        name: impl Into<Cow<'static, str>>,
        data: Value,
    ) -> Result<(), IdempotencyConflict> {
        if self.lease.owner == Owner::NOBODY {
            // A store that is back would say that the lease is lost, which would stop work that nobody else does.
            return Err(IdempotencyConflict::StoreUnavailable);
        }
        let point = RecoveryPoint { name: name.into(), data };
        match self.points.record_point(&self.key, self.lease.owner, point).await {
            Ok(StoreOutcome::Stored) => Ok(()),
            Ok(StoreOutcome::LostLease) => Err(IdempotencyConflict::LostLease),
            Err(error) => {
                tracing::warn!(key = %self.key, %error, "idempotency.recovery_point_failed");
                Err(IdempotencyConflict::StoreUnavailable)
            }
        }
    }
}

impl fmt::Debug for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execution")
            .field("key", &self.key)
            .field("lease", &self.lease)
            .field("resumed", &self.resumed)
            .finish_non_exhaustive()
    }
}
