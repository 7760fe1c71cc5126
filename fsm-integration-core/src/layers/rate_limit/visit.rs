use std::{task::Waker, time::Duration};

use super::{
    WaitConfig,
    cell::Cell,
    gcra::{Attempt, Gcra},
    queue::{Queue, Turn, Wakers},
};
use crate::{clock::nanos, error::RateLimited};

/// For who finds the line full although tokens are there: those in line were not polled yet.
pub(super) const NO_PLACE: RateLimited = RateLimited { retry_after: Some(Duration::ZERO) };

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
    pub(super) fn join(&mut self, cost: u32, config: WaitConfig) -> Result<u64, RateLimited> {
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
    pub(super) fn turn(&mut self, ticket: u64, waker: &mut Option<Waker>) -> (Turn, Wakers) {
        let turn = self.queue.turn(ticket, self.gcra, self.state.get(), self.now, waker);
        let next = match turn {
            Turn::Served => self.queue.serve_first(),
            Turn::TooLate(_) | Turn::Never => self.leave(ticket),
            Turn::First(_) | Turn::Behind => Wakers::default(),
        };
        (turn, next)
    }

    /// Gives the waiter's place and tokens back; returns whom to wake.
    pub(super) fn leave(&mut self, ticket: u64) -> Wakers {
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
