use std::hash::Hash;

use super::{
    Acquire, KeyedTokenBucket, WaitConfig,
    visit::{NO_PLACE, Visit, Waited},
};
use crate::clock::{Clock, SystemClock};

/// One key's bucket, as who waits for its tokens holds it.
#[derive(Debug)]
pub struct KeyLine<K, C = SystemClock> {
    buckets: KeyedTokenBucket<K, C>,
    key: K,
}

impl<K: Clone, C> Clone for KeyLine<K, C> {
    fn clone(&self) -> Self {
        Self { buckets: self.buckets.clone(), key: self.key.clone() }
    }
}

impl<K: Hash + Eq + Clone + Unpin, C: Clock> Waited for KeyLine<K, C> {
    fn visit<T>(&self, visit: impl FnOnce(&mut Visit<'_>) -> T) -> Option<T> {
        self.buckets.visit(&self.key, visit)
    }

    fn refund(&self, cost: u32) {
        self.buckets.refund(&self.key, cost);
    }
}

impl<K: Hash + Eq + Clone, C: Clock> KeyedTokenBucket<K, C> {
    /// Takes `cost` tokens of the key's bucket as soon as they are there, first come, first served.
    ///
    /// As [`TokenBucket::acquire_within`](super::TokenBucket::acquire_within), with a line for each key. For a key
    /// beyond `max_keys` nobody waits.
    ///
    /// # Errors
    /// The future's: [`RateLimited`](crate::error::RateLimited) when the wait would be longer, the line is full, or the
    /// cost exceeds the capacity.
    ///
    /// # Panics
    /// The future, when it has to wait outside a tokio runtime with time.
    pub fn acquire_within(&self, key: &K, cost: u32, config: WaitConfig) -> Acquire<KeyLine<K, C>>
    where
        K: Unpin,
    {
        let line = KeyLine { buckets: self.clone(), key: key.clone() };
        let result = if self.waiting(key) == 0 { self.attempt(key, cost).into_result() } else { Err(NO_PLACE) };
        match result {
            Ok(()) => Acquire::told(line, cost, result),
            Err(refusal) => Acquire::join(line, cost, config, refusal),
        }
    }
}
