use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    task::coop::{Unconstrained, unconstrained},
    time::{Sleep, sleep},
};

use super::{Full, Place, Semaphore, queue::Ticket};

/// A place in the queue that becomes a place; left on drop.
///
/// It is an owner of the semaphore, which therefore outlives its queue.
pub(crate) struct Waiting {
    semaphore: Semaphore,
    /// Until it is exchanged for a place.
    ticket: Option<Ticket>,
    timer: Timer,
}

enum Timer {
    /// Waits as long as it takes.
    Never,
    /// Counts from the first poll.
    After(Duration),
    // Boxed: whoever waits has time for an allocation, and who does not wait moves no timer about. Outside tokio's
    // cooperative budget, which the calls beside it may use up.
    Running(Pin<Box<Unconstrained<Sleep>>>),
}

impl Waiting {
    pub(super) fn new(semaphore: Semaphore, ticket: Ticket, max_wait: Option<Duration>) -> Self {
        Self { semaphore, ticket: Some(ticket), timer: max_wait.map_or(Timer::Never, Timer::After) }
    }
}

impl Timer {
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        if let Self::After(max_wait) = *self {
            *self = Self::Running(Box::pin(unconstrained(sleep(max_wait))));
        }
        match self {
            Self::Running(timer) => timer.as_mut().poll(cx).is_ready(),
            Self::Never | Self::After(_) => false,
        }
    }
}

impl Future for Waiting {
    type Output = Result<Place, Full>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { semaphore, ticket, timer } = &mut *self;
        let core = semaphore.core;
        let waits = ticket.as_ref().expect("not polled after its end");
        if core.look(waits, cx.waker().clone()) {
            *ticket = None;
            return Poll::Ready(Ok(Place(core)));
        }
        if timer.is_over(cx) {
            self.leave();
            return Poll::Ready(Err(Full));
        }
        Poll::Pending
    }
}

impl Waiting {
    fn leave(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.semaphore.core.leave(&ticket);
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.leave();
    }
}
