use std::sync::Arc;

use async_trait::async_trait;

use super::{Decision, KeyedTokenBucket};
use crate::{clock::Clock, error::Result};

/// Where buckets are kept: in this process, or shared by many.
///
/// Ask [`try_acquire_now`](Self::try_acquire_now) first: what can decide without waiting does so there.
#[async_trait]
pub trait RateLimitStore: Send + Sync + 'static {
    /// Decides at once if that is possible without asking anybody; takes nothing when it is not.
    fn try_acquire_now(&self, key: &str, cost: u32) -> Option<Decision> {
        let _ = (key, cost);
        None
    }

    /// Takes `cost` tokens of the key's bucket if they are there; zero only looks.
    ///
    /// # Errors
    /// When the store cannot be asked; what then counts is the caller's policy (requirement R6).
    async fn acquire(&self, key: &str, cost: u32) -> Result<Decision>;

    /// Gives `cost` tokens back, for a call that was allowed but not made.
    ///
    /// # Errors
    /// When the store cannot be asked; the bucket then refills as if the call had been made.
    async fn refund(&self, key: &str, cost: u32) -> Result<()>;

    /// Takes `cost` tokens whether they are there or not, for what a call turned out to cost; the key's bucket may get
    /// into debt.
    ///
    /// # Errors
    /// When the store cannot be asked; the bucket then refills as if the call had cost no more.
    async fn charge(&self, key: &str, cost: u32) -> Result<()>;
}

/// Always decides at once.
#[async_trait]
impl<C: Clock> RateLimitStore for KeyedTokenBucket<Arc<str>, C> {
    fn try_acquire_now(&self, key: &str, cost: u32) -> Option<Decision> {
        Some(self.try_acquire_ref(key, cost))
    }

    async fn acquire(&self, key: &str, cost: u32) -> Result<Decision> {
        Ok(self.try_acquire_ref(key, cost))
    }

    async fn refund(&self, key: &str, cost: u32) -> Result<()> {
        Self::refund(self, &Arc::from(key), cost);
        Ok(())
    }

    async fn charge(&self, key: &str, cost: u32) -> Result<()> {
        Self::charge(self, &Arc::from(key), cost);
        Ok(())
    }
}

/// As the store that it shares.
#[async_trait]
impl<S: RateLimitStore + ?Sized> RateLimitStore for Arc<S> {
    fn try_acquire_now(&self, key: &str, cost: u32) -> Option<Decision> {
        (**self).try_acquire_now(key, cost)
    }

    async fn acquire(&self, key: &str, cost: u32) -> Result<Decision> {
        (**self).acquire(key, cost).await
    }

    async fn refund(&self, key: &str, cost: u32) -> Result<()> {
        (**self).refund(key, cost).await
    }

    async fn charge(&self, key: &str, cost: u32) -> Result<()> {
        (**self).charge(key, cost).await
    }
}
