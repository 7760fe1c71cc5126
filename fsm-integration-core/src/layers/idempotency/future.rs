use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use tower::Service;

use super::{
    Begin, CarryExecution, Executed, Fingerprint, IdempotencyKey, IdempotencyManager, IdempotencyStore, Keep, Owner,
    Replayable, StoreFuture,
};
use crate::error::{Error, IdempotencyConflict};

pin_project! {
    /// The answer to a request; boxed only when there is work to do under a key.
    ///
    /// # Cancel safety
    /// Dropping it drops the work and gives the key back.
    #[must_use = "futures do nothing unless polled"]
    pub struct IdempotencyFuture<I: Service<Request>, Request, S, P> {
        #[pin]
        state: State<I, Request, S, P>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<I: Service<Request>, Request, S, P> {
        Untouched { #[pin] inner: I::Future },
        Refused { refused: Option<I::Error> },
        Asked { asked: Option<Asked<I, Request, S, P>> },
        Working { work: Work<I::Response, I::Error> },
    }
}

type Work<Response, E> = Pin<Box<dyn Future<Output = Result<Response, E>> + Send>>;

/// A request with a key, of which the store has not been asked yet.
pub(super) struct Asked<I, Request, S, P> {
    pub(super) ready: I,
    pub(super) request: Request,
    pub(super) key: IdempotencyKey,
    pub(super) fingerprint: Fingerprint,
    pub(super) manager: IdempotencyManager<S>,
    pub(super) keep: P,
}

impl<I: Service<Request>, Request, S, P> IdempotencyFuture<I, Request, S, P> {
    #[inline]
    pub(super) fn untouched(inner: I::Future) -> Self {
        Self { state: State::Untouched { inner } }
    }

    pub(super) fn refused(refused: I::Error) -> Self {
        Self { state: State::Refused { refused: Some(refused) } }
    }

    #[inline]
    pub(super) fn asked(asked: Asked<I, Request, S, P>) -> Self {
        Self { state: State::Asked { asked: Some(asked) } }
    }
}

impl<I, Request, T, S, P> Future for IdempotencyFuture<I, Request, S, P>
where
    I: Service<Request, Response: Replayable<Stored = T> + Send, Error: From<IdempotencyConflict> + Send, Future: Send>
        + Send
        + 'static,
    Request: CarryExecution + Send + 'static,
    T: Send + Sync + 'static,
    S: IdempotencyStore<T>,
    P: Keep<T> + Send + 'static,
{
    type Output = Result<I::Response, I::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let work: Work<I::Response, I::Error> = match state.as_mut().project() {
                StateProjection::Untouched { inner } => return inner.poll(cx),
                StateProjection::Refused { refused } => {
                    return Poll::Ready(Err(refused.take().expect("polled after it was ready")));
                }
                StateProjection::Working { work } => return work.as_mut().poll(cx),
                StateProjection::Asked { asked } => {
                    let owned = asked.as_ref().expect("taken once, on the way to the work");
                    let owner = owned.manager.owner();
                    let begun = match owned.manager.begin(&owned.key, owned.fingerprint, owner).now() {
                        Ok(Ok(Begin::Done(stored))) => {
                            let stored = owned.manager.replay(stored).value;
                            return Poll::Ready(Ok(I::Response::from_stored(stored)));
                        }
                        Ok(begun) => Some(begun),
                        Err(_) => None,
                    };
                    // Nothing is lost between here and the first poll, which follows at once.
                    Box::pin(asked.take().expect("seen above").work(owner, begun))
                }
            };
            state.set(State::Working { work });
        }
    }
}

impl<I, Request, T, S, P> Asked<I, Request, S, P>
where
    I: Service<Request, Response: Replayable<Stored = T> + Send, Error: From<IdempotencyConflict> + Send, Future: Send>
        + Send
        + 'static,
    Request: CarryExecution + Send + 'static,
    T: Send + Sync + 'static,
    S: IdempotencyStore<T>,
    P: Keep<T> + Send + 'static,
{
    async fn work(self, owner: Owner, begun: Option<Result<Begin<T>, Error>>) -> Result<I::Response, I::Error> {
        let Self { mut ready, mut request, key, fingerprint, manager, keep } = self;
        // The first caller gets the answer whole, not only what is kept of it.
        let mut first = None;
        let whole = &mut first;
        let work = |execution| async move {
            request.carry(execution);
            let response = ready.call(request).await.map_err(Fault::Inner)?;
            let stored = response.to_stored();
            *whole = Some(response);
            Ok(stored)
        };
        let ask = |manager, key, fingerprint, owner| {
            begun.map_or_else(|| IdempotencyManager::begin(manager, key, fingerprint, owner), StoreFuture::ready)
        };
        let keep = move |stored: &T| keep.keeps(stored);
        match manager.execute_asking(&key, fingerprint, owner, ask, keep, work).await {
            Ok(Executed { value, .. }) => Ok(first.unwrap_or_else(|| I::Response::from_stored(value))),
            Err(Fault::Inner(error)) => Err(error),
            Err(Fault::Conflict(conflict)) => Err(conflict.into()),
        }
    }
}

enum Fault<E> {
    Inner(E),
    Conflict(IdempotencyConflict),
}

impl<E> From<IdempotencyConflict> for Fault<E> {
    fn from(conflict: IdempotencyConflict) -> Self {
        Self::Conflict(conflict)
    }
}

impl<I: Service<Request>, Request, S, P> fmt::Debug for IdempotencyFuture<I, Request, S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Untouched { .. } => "untouched",
            State::Refused { .. } => "refused",
            State::Asked { .. } => "asked",
            State::Working { .. } => "working",
        };
        f.debug_struct("IdempotencyFuture").field("state", &state).finish()
    }
}
