//! Layers that do the least a layer of their kind can do, as floors: they protect from nothing.
//!
//! A layer that may wait keeps the call in memory, where the bare service keeps it in registers. That alone takes as long
//! as some layers do in all, and differs from compiler to compiler; so it is measured instead of guessed.

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
    service::{Ask, Ends, Failure, Noop, serve},
};

/// What a call cannot go without.
pub(crate) trait Work: Copy + Send + Unpin + 'static {
    /// Whether the call may be made.
    fn begin(self) -> bool;

    fn end(self);
}

pub(crate) const MAY_WAIT: &str = "a layer that may wait";
pub(crate) const MAY_WAIT_AND_COUNTS: &str = "the same, and writes a shared word";
pub(crate) const MAY_WAIT_AND_COUNTS_BY_TIME: &str =
    "the same, and writes a word of its task and reads the coarse clock";
pub(crate) const REFUSES_BY_TIME: &str = "a layer that reads the coarse clock and refuses";

pub(crate) fn may_wait(row: &mut Row) {
    floor(row, MAY_WAIT, Nothing, Ends::Well).alone();
}

pub(crate) fn may_wait_and_counts(row: &mut Row) {
    floor(row, MAY_WAIT_AND_COUNTS, CompareExchange(Box::leak(Box::default())), Ends::Well);
}

pub(crate) fn may_wait_and_counts_by_time(row: &mut Row) {
    let work = AddByTime(Box::leak(Box::default()), CoarseClock::new(), CoarseClock::new().origin());
    floor(row, MAY_WAIT_AND_COUNTS_BY_TIME, work, Ends::Well).alone();
}

pub(crate) fn refuses_by_time(row: &mut Row) {
    floor(row, REFUSES_BY_TIME, Refuse(CoarseClock::new(), CoarseClock::new().origin()), Ends::Refused);
}

fn floor<'a>(row: &'a mut Row, name: &'static str, work: impl Work, ends: Ends) -> &'a mut Contender {
    row.floor(name, move || serve(Least { inner: Noop, work }, ends))
}

#[derive(Clone, Copy)]
struct Nothing;

impl Work for Nothing {
    #[inline]
    fn begin(self) -> bool {
        true
    }

    #[inline]
    fn end(self) {}
}

#[derive(Clone, Copy)]
struct CompareExchange(&'static AtomicU64);

impl Work for CompareExchange {
    #[inline]
    fn begin(self) -> bool {
        true
    }

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
    fn begin(self) -> bool {
        true
    }

    #[inline]
    fn end(self) {
        self.0.fetch_add(self.1.nanos_since(&self.2) & 1, Relaxed);
    }
}

#[derive(Clone, Copy)]
struct Refuse(CoarseClock, Origin);

impl Work for Refuse {
    #[inline(never)]
    fn begin(self) -> bool {
        self.0.nanos_since(&self.1) == u64::MAX
    }

    #[inline]
    fn end(self) {}
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
        if self.work.begin() {
            LeastFuture::Calling { call: self.inner.call(ask), work: self.work, waits: None }
        } else {
            LeastFuture::Refused
        }
    }
}

enum LeastFuture<W, F> {
    Calling {
        call: F,
        work: W,
        /// What a call needs that waits.
        waits: Option<Box<u64>>,
    },
    Refused,
}

/// Always false, but who compiles it does not know.
static WAITS: AtomicBool = AtomicBool::new(false);

impl<W: Work, F: Future<Output = Result<u32, Failure>> + Unpin> Future for LeastFuture<W, F> {
    type Output = Result<u32, Failure>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self::Calling { call, work, waits } = &mut *self else { return Poll::Ready(Err(Failure::Refused)) };
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
