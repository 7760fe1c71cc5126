use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

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

/// Waits for a store's answer.
pub struct Asking {
    answer: Pin<Box<dyn Future<Output = Decision> + Send>>,
    decision: Option<Decision>,
}

impl Future for Asking {
    type Output = Result<(), RateLimited>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let decision = ready!(self.answer.as_mut().poll(cx));
        self.decision = Some(decision);
        Poll::Ready(decision.into_result())
    }
}

impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking").field("decision", &self.decision).finish_non_exhaustive()
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
    type Waiting = Asking;

    fn name(&self) -> &str {
        self.limiter.name()
    }

    fn observers(&self) -> Observers {
        self.limiter.observers()
    }

    fn key(&self, request: &Req) -> Arc<str> {
        self.key_of.key_of(request)
    }

    fn decide(&self, key: &Arc<str>, cost: u32) -> Option<Decision> {
        self.limiter.try_acquire_now(key, cost)
    }

    fn decided(&self, _: &Arc<str>, waited: &Asking, end: Result<(), RateLimited>) -> Decision {
        waited.decision.unwrap_or_else(|| self.limiter.closed(end.err().and_then(|refusal| refusal.retry_after)))
    }

    fn acquire(&self, key: &Arc<str>, cost: u32, _: WaitConfig) -> Asking {
        let (limiter, key) = (self.limiter.clone(), Arc::clone(key));
        let answer = async move {
            let answer = limiter.acquire(&key, cost).await;
            answer.unwrap_or_else(|closed| limiter.closed(closed.retry_after()))
        };
        Asking { answer: Box::pin(answer), decision: None }
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
