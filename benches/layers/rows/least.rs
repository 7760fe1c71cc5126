//! Layers that do the least a layer of their kind can do, as floors: they protect from nothing.
//!
//! What a layer adds for being one that may wait differs from compiler to compiler, so it is measured instead of guessed.

use std::{
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    task::{Context, Poll},
};

use fsm_integration_core::clock::{Clock, CoarseClock, Origin};
use tower::Service;

use crate::harness::{
    contender::{Contender, Row},
    service::{Ask, Ends, Failure, HOUR, Noop, serve},
};

/// What such a layer does when a call is over.
trait Work: Copy + Send + Unpin + 'static {
    fn end(self);
}

pub(crate) fn may_wait(row: &mut Row) {
    floor(row, "a layer that may wait", Nothing).alone();
}

pub(crate) fn may_wait_and_counts(row: &mut Row) {
    floor(row, "the same, and writes a shared word", CompareExchange(Box::leak(Box::default())));
}

pub(crate) fn may_wait_and_counts_by_time(row: &mut Row) {
    let work = AddByTime(Box::leak(Box::default()), CoarseClock::new(), CoarseClock::new().origin());
    floor(row, "the same, and writes a word of its task by the coarse clock", work).alone();
}

/// What an open breaker cannot go without: it looks at the time until which it refuses.
pub(crate) fn refuses_by_time(row: &mut Row) {
    row.floor(OPEN, || {
        let clock = CoarseClock::new();
        let until = Box::leak(Box::new(AtomicU64::new(HOUR.as_nanos() as u64)));
        serve(LeastOpen { inner: Noop, until, clock, origin: clock.origin() }, Ends::Refused)
    })
    .alone();
}

/// The name of the floor of an open breaker.
pub(crate) const OPEN: &str = "a layer that refuses by the coarse clock";

fn floor<'a>(row: &'a mut Row, name: &'static str, work: impl Work) -> &'a mut Contender {
    row.floor(name, move || serve(Least { inner: Noop, work }, Ends::Well))
}

#[derive(Clone, Copy)]
struct Nothing;

impl Work for Nothing {
    #[inline]
    fn end(self) {}
}

#[derive(Clone, Copy)]
struct CompareExchange(&'static AtomicU64);

impl Work for CompareExchange {
    #[inline]
    fn end(self) {
        let mut seen = self.0.load(Relaxed);
        while let Err(now) = self.0.compare_exchange_weak(seen, seen + 1, Relaxed, Relaxed) {
            seen = now;
        }
    }
}

#[derive(Clone, Copy)]
struct AddByTime(&'static AtomicU64, CoarseClock, Origin);

impl Work for AddByTime {
    #[inline]
    fn end(self) {
        self.0.fetch_add(self.1.nanos_since(&self.2) & 1, Relaxed);
    }
}

#[derive(Clone, Copy)]
struct Least<W> {
    inner: Noop,
    work: W,
}

impl<W: Work> Service<Ask> for Least<W> {
    type Response = u32;
    type Error = Failure;
    type Future = LeastFuture<W, <Noop as Service<Ask>>::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, ask: Ask) -> Self::Future {
        LeastFuture { call: self.inner.call(ask), work: self.work, waits: None }
    }
}

struct LeastFuture<W, F> {
    call: F,
    work: W,
    /// What a call needs that waits.
    waits: Option<Box<u64>>,
}

/// Always false, but who compiles it does not know.
static WAITS: AtomicBool = AtomicBool::new(false);

impl<W: Work, F: Future<Output = Result<u32, Failure>> + Unpin> Future for LeastFuture<W, F> {
    type Output = Result<u32, Failure>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { call, work, waits } = &mut *self;
        match Pin::new(call).poll(cx) {
            Poll::Ready(result) if !WAITS.load(Relaxed) => {
                work.end();
                Poll::Ready(result)
            }
            _ => wait(waits),
        }
    }
}

#[cold]
#[inline(never)]
fn wait<T>(waits: &mut Option<Box<u64>>) -> Poll<T> {
    *waits = Some(Box::default());
    Poll::Pending
}

#[derive(Clone, Copy)]
struct LeastOpen {
    inner: Noop,
    until: &'static AtomicU64,
    clock: CoarseClock,
    origin: Origin,
}

impl Service<Ask> for LeastOpen {
    type Response = u32;
    type Error = Failure;
    type Future = LeastOpenFuture<<Noop as Service<Ask>>::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, ask: Ask) -> Self::Future {
        let is_open = self.clock.nanos_since(&self.origin) < self.until.load(Relaxed);
        LeastOpenFuture { call: if is_open { None } else { Some(self.inner.call(ask)) } }
    }
}

struct LeastOpenFuture<F> {
    call: Option<F>,
}

impl<F: Future<Output = Result<u32, Failure>> + Unpin> Future for LeastOpenFuture<F> {
    type Output = Result<u32, Failure>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.call.as_mut().map_or(Poll::Ready(Err(Failure::Refused)), |call| Pin::new(call).poll(cx))
    }
}
