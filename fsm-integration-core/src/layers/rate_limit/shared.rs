use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use super::{Decision, KeyOf, Limit, RateLimitStore, StoreLimiter, WaitConfig};
use crate::{
    clock::{Clock, SystemClock},
    error::{RateLimited, Result},
    observe::Observers,
};

/// A limit that many processes share, and how to find a request's key.
pub struct Shared<S, F, C = SystemClock> {
    limiter: StoreLimiter<S, C>,
    key_of: F,
}

impl<S, F, C> Shared<S, F, C> {
    /// Puts the two together.
    pub const fn new(limiter: StoreLimiter<S, C>, key_of: F) -> Self {
        Self { limiter, key_of }
    }
}

/// Nobody waits for the store's tokens, only for its answer.
impl<Req, S, F, C> Limit<Req> for Shared<S, F, C>
where
    S: RateLimitStore,
    F: KeyOf<Req, Key = Arc<str>> + Clone,
    C: Clock,
{
    type Key = Arc<str>;
    type Waiting = Pin<Box<dyn Future<Output = Result<(), RateLimited>> + Send>>;

    fn name(&self) -> &str {
        self.limiter.name()
    }

    fn observers(&self) -> Observers {
        self.limiter.observers()
    }

    fn key(&self, request: &Req) -> Arc<str> {
        self.key_of.key_of(request)
    }

    fn try_acquire(&self, key: &Arc<str>, cost: u32) -> Option<Result<(), RateLimited>> {
        self.limiter.try_acquire_now(key, cost).map(Decision::into_result)
    }

    fn acquire(&self, key: &Arc<str>, cost: u32, _: WaitConfig) -> Self::Waiting {
        let (limiter, key) = (self.limiter.clone(), Arc::clone(key));
        Box::pin(async move {
            match limiter.acquire(&key, cost).await {
                Ok(decision) => decision.into_result(),
                Err(closed) => Err(RateLimited { retry_after: closed.retry_after() }),
            }
        })
    }

    fn pause(&self, key: &Arc<str>, duration: Duration) {
        self.limiter.pause(key, duration);
    }
}

impl<S, F: Clone, C> Clone for Shared<S, F, C> {
    fn clone(&self) -> Self {
        Self { limiter: self.limiter.clone(), key_of: self.key_of.clone() }
    }
}

impl<S, F, C> fmt::Debug for Shared<S, F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("limiter", &self.limiter).finish_non_exhaustive()
    }
}
