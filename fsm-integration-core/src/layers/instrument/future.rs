use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use pin_project_lite::pin_project;
use tracing::Span;

use super::{series::Outcome, service::Subject};
use crate::{
    clock::{Clock, SystemClock},
    error::Classify,
};

pin_project! {
    /// A call inside its span.
    #[must_use = "futures do nothing unless polled"]
    pub struct InstrumentFuture<F, C = SystemClock>
    where
        C: Clock,
    {
        #[pin]
        call: F,
        recorder: Recorder<C>,
    }
}

/// Records one end of a call, when it comes or when it is dropped.
pub(super) struct Recorder<C: Clock> {
    subject: Arc<Subject>,
    clock: C,
    began: Instant,
    span: Span,
    /// Inner code runs; still so when dropped only if it panicked.
    inside: bool,
    done: bool,
}

impl<C: Clock> Recorder<C> {
    pub(super) fn new(subject: Arc<Subject>, clock: C, span: Span) -> Self {
        Self { subject, began: clock.now(), clock, span, inside: true, done: false }
    }

    pub(super) const fn span(&self) -> &Span {
        &self.span
    }

    #[inline]
    fn record(&mut self, outcome: Outcome) {
        self.done = true;
        self.subject.series.record(outcome, self.clock.now().saturating_duration_since(self.began));
        if self.span.is_disabled() {
            return;
        }
        self.span.record("status", outcome.status());
        match outcome.error_type() {
            None => self.span.record("otel.status_code", "OK"),
            Some(error_type) => self.span.record("otel.status_code", "ERROR").record("error.type", error_type),
        };
    }
}

impl<C: Clock> Drop for Recorder<C> {
    fn drop(&mut self) {
        if !self.done {
            self.record(if self.inside { Outcome::Panicked } else { Outcome::Cancelled });
        }
    }
}

impl<F, C: Clock> InstrumentFuture<F, C> {
    pub(super) fn new(call: F, mut recorder: Recorder<C>) -> Self {
        recorder.inside = false;
        Self { call, recorder }
    }
}

impl<F, T, E, C> Future for InstrumentFuture<F, C>
where
    F: Future<Output = Result<T, E>>,
    E: Classify,
    C: Clock,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.recorder.inside = true;
        let result = this.recorder.span.in_scope(|| this.call.poll(cx));
        this.recorder.inside = false;
        let result = ready!(result);
        this.recorder.record(match &result {
            Ok(_) => Outcome::Success,
            Err(error) => Outcome::Failure(error.class()),
        });
        Poll::Ready(result)
    }
}

impl<F, C: Clock> fmt::Debug for InstrumentFuture<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstrumentFuture").field("adapter", &self.recorder.subject).finish_non_exhaustive()
    }
}
