use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

use super::{
    WaitConfig,
    queue::{Turn, Wakers},
    visit::Waited,
};
use crate::error::RateLimited;

/// Waits in line for tokens; ends when they are taken, or will not be there in time.
///
/// Its place in the line is that of the call which made it, not of its first poll. Whoever makes it must poll or drop
/// it: those behind wait for whoever is before them, as long as they are willing to wait at all.
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
            Turn::First(nanos) | Turn::Behind(nanos) => Duration::from_nanos(nanos),
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
