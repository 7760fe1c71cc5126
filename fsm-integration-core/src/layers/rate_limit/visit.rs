use std::{task::Waker, time::Duration};

use super::{
    WaitConfig,
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
    queue: &'a mut Queue,
    gcra: &'a Gcra,
    now: u64,
    /// The bucket's number.
    full_at: u64,
}

impl Visit<'_> {
    /// Visits a bucket and its line, of which `state` is kept elsewhere; returns what is to be kept there after it.
    pub(super) fn pay<T>(
        queue: &mut Queue,
        gcra: &Gcra,
        now: u64,
        state: u64,
        visit: impl FnOnce(&mut Visit<'_>) -> T,
    ) -> (T, u64) {
        let full_at = queue.open(gcra, state, now);
        let mut visitor = Visit { queue: &mut *queue, gcra, now, full_at };
        let told = visit(&mut visitor);
        let full_at = visitor.full_at;
        (told, queue.close(full_at))
    }

    /// How a call stands that is not in line, a pause considered.
    fn attempt(&self, cost: u32) -> Attempt {
        self.gcra.attempt(self.beside_line(), self.now, cost).in_pause(self.queue.pause_left(self.now))
    }

    /// Takes the tokens if they are there, for a call that is not in line.
    pub(super) fn take(&mut self, cost: u32) -> Attempt {
        let attempt = self.attempt(cost);
        if attempt.takes(cost) {
            self.full_at = attempt.full_at;
        }
        attempt
    }

    /// Takes as many tokens as there are from `least` to `most`, for calls that are not in line.
    pub(super) fn take_up_to(&mut self, least: u32, most: u32) -> Result<u32, RateLimited> {
        let (taken, full_at) = self.gcra.take_up_to(self.beside_line(), self.now, least, most)?;
        self.full_at = full_at;
        Ok(taken)
    }

    /// The bucket's number for who is not in line: what the line is late to is the line's.
    fn beside_line(&self) -> u64 {
        self.full_at.max(self.gcra.full_but(self.now, self.queue.reserved()))
    }

    /// Takes the tokens ahead of time and joins the line, or tells why not.
    pub(super) fn join(&mut self, cost: u32, config: WaitConfig) -> Result<u64, RateLimited> {
        let (now, max_wait) = (self.now, nanos(config.max_wait));
        if self.queue.len() >= config.max_waiting {
            return Err(self.attempt(cost).into_result().err().unwrap_or(NO_PLACE));
        }
        if self.queue.pause_left(now) > max_wait {
            return self.attempt(cost).into_result().map(|()| 0);
        }
        self.full_at = self.gcra.reserve(self.full_at, now, cost, max_wait)?;
        Ok(self.queue.join(cost, now.saturating_add(max_wait)))
    }

    /// Serves the waiter if it is its turn, or tells what it is to do; and whom to wake instead.
    pub(super) fn turn(&mut self, ticket: u64, waker: &mut Option<Waker>) -> (Turn, Wakers) {
        let turn = self.queue.turn(ticket, self.gcra, self.full_at, self.now, waker);
        let next = match turn {
            Turn::Served => self.queue.serve_first(),
            Turn::TooLate(_) | Turn::Never => self.leave(ticket),
            Turn::First(_) | Turn::Behind(_) => Wakers::default(),
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
        let lowest = self.queue.lowest(self.gcra, self.now);
        self.full_at = self.gcra.refund(self.full_at, cost).max(lowest);
    }

    /// Gives tokens back that were there at once; returns whom to wake.
    pub(super) fn give_back(&mut self, cost: u32) -> Option<Waker> {
        self.refund(cost);
        self.queue.wake_first()
    }

    /// Takes tokens whether they are there or not; returns whom to wake.
    pub(super) fn charge(&mut self, cost: u32) -> Vec<Waker> {
        self.full_at = self.gcra.charge(self.full_at, self.now, cost);
        self.queue.wake_all()
    }

    /// Gives out nothing for a while; returns whom to wake.
    pub(super) fn pause(&mut self, duration: Duration) -> Vec<Waker> {
        let lowest = self.queue.pause(self.gcra, self.now.saturating_add(nanos(duration)));
        self.full_at = self.full_at.max(lowest);
        self.queue.wake_all()
    }
}
