use std::{
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::request::Parts;
use pin_project_lite::pin_project;
use tower::Service;

use super::remembered::{Asking, Remembered};
use crate::error::InvalidSignature;

pin_project! {
    /// The answer to a verified request, or the refusal.
    ///
    /// # Cancel safety
    /// Dropping it drops the handler's future and forgets the message, so that its redelivery is let in.
    #[allow(missing_debug_implementations)]
    #[must_use = "futures do nothing unless polled"]
    pub struct VerifyFuture<S, Read, B>
    where
        S: Service<http::Request<B>>,
    {
        #[pin]
        state: State<S, Read, S::Future>,
        body: PhantomData<fn(B)>,
    }
}

pin_project! {
    #[project = Projected]
    enum State<S, Read, Call> {
        Reading { #[pin] read: Read, then: Option<Then<S>> },
        Asking { asking: Asking, body: Bytes, then: Option<Then<S>> },
        Calling { #[pin] call: Call, remembered: Remembered },
        Refused { reason: InvalidSignature },
    }
}

/// What it takes to go on once the body is there.
struct Then<S> {
    inner: S,
    head: Parts,
    remembered: Remembered,
}

impl<S: Service<http::Request<B>>, Read, B> VerifyFuture<S, Read, B> {
    pub(super) fn refused(reason: InvalidSignature) -> Self {
        Self { state: State::Refused { reason }, body: PhantomData }
    }

    pub(super) fn reading(read: Read, inner: S, head: Parts, remembered: Remembered) -> Self {
        let then = Some(Then { inner, head, remembered });
        Self { state: State::Reading { read, then }, body: PhantomData }
    }
}

impl<S> Then<S> {
    /// Verifies the body; what comes next is a call, or a question to the shared store.
    fn verify<B, Read>(mut self, body: Option<Bytes>) -> State<S, Read, S::Future>
    where
        S: Service<http::Request<B>>,
        B: From<Bytes>,
    {
        let Some(body) = body else { return State::Refused { reason: self.remembered.unread() } };
        match self.remembered.verify(&self.head.headers, &body) {
            Ok(verified) => self.head.extensions.insert(verified),
            Err(reason) => return State::Refused { reason },
        };
        match self.remembered.ask() {
            Some(asking) => State::Asking { asking, body, then: Some(self) },
            None => self.call(body),
        }
    }

    fn call<B, Read>(mut self, body: Bytes) -> State<S, Read, S::Future>
    where
        S: Service<http::Request<B>>,
        B: From<Bytes>,
    {
        let call = self.inner.call(http::Request::from_parts(self.head, body.into()));
        State::Calling { call, remembered: self.remembered }
    }
}

impl<S, Read, B, Answer> Future for VerifyFuture<S, Read, B>
where
    S: Service<http::Request<B>, Response = http::Response<Answer>, Error: From<InvalidSignature>>,
    Read: Future<Output = Option<Bytes>>,
    B: From<Bytes>,
{
    type Output = Result<http::Response<Answer>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                Projected::Reading { read, then } => {
                    let body = ready!(read.poll(cx));
                    then.take().expect("it goes on once").verify(body)
                }
                Projected::Asking { asking, body, then } => {
                    let answer = ready!(asking.as_mut().poll(cx));
                    let mut then = then.take().expect("it goes on once");
                    match then.remembered.answered(answer) {
                        Ok(()) => then.call(body.clone()),
                        Err(reason) => State::Refused { reason },
                    }
                }
                Projected::Calling { call, remembered } => {
                    let outcome = ready!(call.poll(cx));
                    if outcome.as_ref().is_ok_and(|response| response.status().is_success()) {
                        remembered.keep();
                    }
                    return Poll::Ready(outcome);
                }
                Projected::Refused { reason } => return Poll::Ready(Err((*reason).into())),
            };
            this.state.set(next);
        }
    }
}
