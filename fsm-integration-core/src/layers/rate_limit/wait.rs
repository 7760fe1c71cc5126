use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

use super::{
    WaitConfig,
    cell::Cell,
    gcra::{Attempt, Gcra},
    queue::{Queue, Turn, Wakers},
};
use crate::{clock::nanos, error::RateLimited};

/// A bucket with a line before it.
pub trait Waited: Clone + Unpin {
    /// Shows the bucket and its line to the function, which nobody else changes meanwhile.
    ///
    /// `None` when the bucket is one that is not remembered.
    fn visit<T>(&self, visit: impl FnOnce(&mut Visit<'_>) -> T) -> Option<T>;

    /// Gives tokens back that were there at once.
    fn refund(&self, cost: u32);
}

/// What a visitor finds.
#[derive(Debug)]
pub struct Visit<'a> {
    pub(super) queue: &'a mut Queue,
    pub(super) gcra: &'a Gcra,
    pub(super) now: u64,
    pub(super) state: State<'a>,
}

/// The bucket's number: that of one bucket changes while its line is looked at, that of a key does not.
#[derive(Debug)]
pub(super) enum State<'a> {
    Shared(&'a Cell),
    Held(&'a mut u64),
}

impl State<'_> {
    fn update<E>(&mut self, change: impl Fn(u64) -> Result<u64, E>) -> Result<(), E> {
        match self {
            Self::Shared(cell) => cell.update(|full_at| change(full_at).map(|full_at| ((), full_at))),
            Self::Held(full_at) => change(**full_at).map(|changed| **full_at = changed),
        }
    }

    fn get(&self) -> u64 {
        match self {
            Self::Shared(cell) => cell.get(),
            Self::Held(full_at) => **full_at,
        }
    }
}

impl Visit<'_> {
    /// How a call stands, a pause considered.
    pub(super) fn attempt(&self, cost: u32) -> Attempt {
        self.gcra.attempt(self.state.get(), self.now, cost).in_pause(self.queue.pause_left(self.now))
    }

    /// Takes the tokens ahead of time and joins the line, or tells why not.
    fn join(&mut self, cost: u32, config: WaitConfig) -> Result<u64, RateLimited> {
        let (gcra, now, max_wait) = (self.gcra, self.now, nanos(config.max_wait));
        if self.queue.len() >= config.max_waiting {
            return Err(self.attempt(cost).into_result().err().unwrap_or(NO_PLACE));
        }
        if self.queue.pause_left(now) > max_wait {
            return self.attempt(cost).into_result().map(|()| 0);
        }
        self.state.update(|full_at| gcra.reserve(full_at, now, cost, max_wait))?;
        Ok(self.queue.join(cost, now.saturating_add(max_wait)))
    }

    /// Serves the waiter if it is its turn, or tells what it is to do; and whom to wake instead.
    fn turn(&mut self, ticket: u64, waker: &mut Option<Waker>) -> (Turn, Wakers) {
        let turn = self.queue.turn(ticket, self.gcra, self.state.get(), self.now, waker);
        let next = match turn {
            Turn::Served => self.queue.serve_first(),
            Turn::TooLate(_) | Turn::Never => self.leave(ticket),
            Turn::First(_) | Turn::Behind => Wakers::default(),
        };
        (turn, next)
    }

    /// Gives the waiter's place and tokens back; returns whom to wake.
    fn leave(&mut self, ticket: u64) -> Wakers {
        let (cost, wakers) = self.queue.leave(ticket);
        self.refund(cost);
        wakers
    }

    /// Gives tokens back.
    fn refund(&mut self, cost: u32) {
        let (gcra, lowest) = (self.gcra, self.queue.lowest(self.gcra, self.now));
        self.change(|full_at| gcra.refund(full_at, cost).max(lowest));
    }

    /// Gives tokens back that were there at once; returns whom to wake.
    pub(super) fn give_back(&mut self, cost: u32) -> Option<Waker> {
        self.refund(cost);
        self.queue.wake_first()
    }

    /// Takes tokens whether they are there or not; returns whom to wake.
    pub(super) fn charge(&mut self, cost: u32) -> Vec<Waker> {
        let (gcra, now) = (self.gcra, self.now);
        self.change(|full_at| gcra.charge(full_at, now, cost));
        self.queue.wake_all()
    }

    /// Gives out nothing for a while; returns whom to wake.
    pub(super) fn pause(&mut self, duration: Duration) -> Vec<Waker> {
        let lowest = self.queue.pause(self.gcra, self.now.saturating_add(nanos(duration)));
        self.change(|full_at| full_at.max(lowest));
        self.queue.wake_all()
    }

    fn change(&mut self, change: impl Fn(u64) -> u64) {
        let Ok(()) = self.state.update(|full_at| Ok::<_, std::convert::Infallible>(change(full_at)));
    }
}

/// For who finds the line full although tokens are there: those in line were not polled yet.
pub(super) const NO_PLACE: RateLimited = RateLimited { retry_after: Some(Duration::ZERO) };

/// Waits in line for tokens; ends when they are taken, or will not be there in time.
///
/// Its place in the line is that of the call which made it, not of its first poll. Whoever makes it must poll or drop
/// it: those behind wait for whoever is before them.
///
/// # Cancel safety
/// Dropped before it ends, it gives back its place and its tokens, and who is next moves up.
///
/// # Panics
/// When it has to wait outside a tokio runtime with time.
#[must_use = "a place in line that is not polled holds up everybody behind it"]
pub struct Acquire<B: Waited> {
    bucket: B,
    cost: u32,
    state: AcquireState,
}

enum AcquireState {
    /// Its tokens were there, or will not be.
    Told(Result<(), RateLimited>),
    Waits {
        ticket: u64,
        timer: Option<Pin<Box<Sleep>>>,
    },
    Ended,
}

impl<B: Waited> Acquire<B> {
    pub(super) const fn told(bucket: B, cost: u32, result: Result<(), RateLimited>) -> Self {
        Self { bucket, cost, state: AcquireState::Told(result) }
    }

    /// Joins the line; a bucket that is not remembered has none, and refuses in its own words.
    pub(super) fn join(bucket: B, cost: u32, config: WaitConfig, otherwise: RateLimited) -> Self {
        let state = match bucket.visit(|visit| visit.join(cost, config)) {
            Some(Ok(ticket)) => AcquireState::Waits { ticket, timer: None },
            Some(Err(refusal)) => AcquireState::Told(Err(refusal)),
            None => AcquireState::Told(Err(otherwise)),
        };
        Self { bucket, cost, state }
    }
}

impl<B: Waited> Future for Acquire<B> {
    type Output = Result<(), RateLimited>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let result = match &mut this.state {
            AcquireState::Told(result) => *result,
            AcquireState::Waits { ticket, timer } => match poll_turn(&this.bucket, *ticket, timer, cx) {
                Poll::Ready(result) => result,
                Poll::Pending => return Poll::Pending,
            },
            AcquireState::Ended => panic!("polled after it ended"),
        };
        this.state = AcquireState::Ended;
        Poll::Ready(result)
    }
}

fn poll_turn<B: Waited>(
    bucket: &B,
    ticket: u64,
    timer: &mut Option<Pin<Box<Sleep>>>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), RateLimited>> {
    loop {
        // Cloned before the line is locked, and what it is exchanged for dropped after: either may run anything.
        let mut waker = Some(cx.waker().clone());
        let turn = bucket.visit(|visit| visit.turn(ticket, &mut waker));
        let (turn, wakers) = turn.expect("who waits is remembered");
        wakers.settle();
        let left = match turn {
            Turn::Served => return Poll::Ready(Ok(())),
            Turn::TooLate(wait) => {
                return Poll::Ready(Err(RateLimited { retry_after: Some(Duration::from_nanos(wait)) }));
            }
            Turn::Never => return Poll::Ready(Err(RateLimited { retry_after: None })),
            // Only the first has a timer.
            Turn::Behind => {
                *timer = None;
                return Poll::Pending;
            }
            Turn::First(nanos) => Duration::from_nanos(nanos),
        };
        let timer = timer.get_or_insert_with(|| Box::pin(sleep(left)));
        timer.as_mut().reset(Instant::now() + left);
        // A clock that is coarser than the timer may not have got there when the timer has: look again.
        if timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
    }
}

impl<B: Waited> Drop for Acquire<B> {
    fn drop(&mut self) {
        match self.state {
            AcquireState::Told(Ok(())) => self.bucket.refund(self.cost),
            AcquireState::Waits { ticket, .. } => {
                let wakers = self.bucket.visit(|visit| visit.leave(ticket));
                wakers.into_iter().for_each(Wakers::settle);
            }
            AcquireState::Told(Err(_)) | AcquireState::Ended => {}
        }
    }
}

impl<B: Waited> fmt::Debug for Acquire<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            AcquireState::Told(_) => "told",
            AcquireState::Waits { .. } => "waits",
            AcquireState::Ended => "ended",
        };
        f.debug_struct("Acquire").field("cost", &self.cost).field("state", &state).finish_non_exhaustive()
    }
}
