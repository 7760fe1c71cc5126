//! Creates that are asked for twice and done once: the outcome commits with the effect.

use std::time::Duration;

use fsm_integration_core::{
    error::{Error, ErrorKind, IdempotencyConflict, Result},
    layers::idempotency::{Claim, Fingerprint, IdempotencyKey},
    sqlite::Tx,
};
use serde::Serialize;
use serde_json::Value;

use super::Store;

/// When a caller may ask again for the outcome of work under way.
const SOON: Duration = Duration::from_secs(1);

/// By what a create is known, and with which content.
#[derive(Debug, Clone)]
pub struct Once {
    /// Whose create it is, and the caller's key for it.
    pub key: IdempotencyKey,
    /// What is asked for; the same key with another one is refused.
    pub fingerprint: Fingerprint,
}

/// What a create made, now or the first time.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The body that tells of it.
    pub body: Value,
    /// Whether it was made before.
    pub replayed: bool,
}

impl Store {
    /// Creates something unless the same create was done before; without `once` it always does.
    ///
    /// # Errors
    /// The work's own; `DuplicateOrder` when the key is known with other content; `Unavailable`.
    pub async fn create<F>(&self, once: Option<Once>, work: F) -> Result<Made>
    where
        F: FnOnce(&Tx<'_>) -> Result<Value> + Send + 'static,
    {
        let Some(once) = once else {
            return self.write(move |tx| Ok(Made { body: work(tx)?, replayed: false })).await;
        };
        let outcomes = self.idempotency.clone();
        self.write(move |tx| {
            let conflict = match outcomes.look_up_in(tx, &once.key, once.fingerprint)? {
                Claim::Absent => {
                    let body = work(tx)?;
                    outcomes.record_done_in(tx, &once.key, once.fingerprint, &body)?;
                    return Ok(Made { body, replayed: false });
                }
                Claim::Replay(body) => return Ok(Made { body, replayed: true }),
                Claim::Mismatch => IdempotencyConflict::Mismatch,
                Claim::InProgress => IdempotencyConflict::InProgress { retry_after: SOON },
            };
            Err(conflict.into())
        })
        .await
    }
}

/// The body that tells of something that was made.
///
/// # Errors
/// `Internal` when it cannot be written as JSON.
pub fn to_body<T: Serialize>(made: &T) -> Result<Value> {
    serde_json::to_value(made).map_err(|error| Error::from(ErrorKind::Internal).with_source(error))
}
