//! The line of those who wait for a bucket's tokens, first come, first served; pure.
//!
//! Who joins has taken its tokens ahead of time ([`Gcra::reserve`]), so that the bucket's one number holds the whole
//! line: nobody can overtake, whatever his cost, and what callers are told counts the line in. Each waiter knows from
//! what was taken after it when its own tokens are there. One that leaves gives its tokens back, which brings all
//! behind it forward.
//!
//! While somebody waits, the line keeps the bucket's number, and where it is else stands [`HELD`]: of what flows in
//! while those whose turn it is are not polled (the process stood still), the line alone knows that it is theirs. A
//! full bucket holds no more all the same: what flows into one is lost, but for [`SLACK`]. So in any span of time no
//! more is given out than the capacity, what flows in during the span, and what flows in during the slack.

use std::{collections::VecDeque, mem::swap, task::Waker};

use super::gcra::{Gcra, HELD};

/// Who waits, in the order of arrival.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiters: VecDeque<Waiter>,
    next_ticket: u64,
    /// Tokens that were taken ahead of time by all who ever came, as far as they did not leave.
    taken: u64,
    /// The bucket's number, while somebody waits.
    full_at: u64,
    /// Nobody is served before. Kept apart from the bucket's number, which everything that comes back lowers.
    paused_until: u64,
}

#[derive(Debug)]
struct Waiter {
    /// Grows along the line.
    ticket: u64,
    cost: u32,
    /// [`Queue::taken`] as it was when this one had joined.
    taken: u64,
    /// It goes away when it learns that its tokens come later than this.
    give_up_at: u64,
    waker: Option<Waker>,
}

/// Taken out of the line; outside the lock one is woken and the other dropped, for either may run anything.
#[derive(Debug, Default)]
#[must_use = "who is next waits for it"]
pub(super) struct Wakers {
    next: Option<Waker>,
    #[expect(dead_code, reason = "is dropped")]
    gone: Option<Waker>,
}

/// How late to its tokens a line may come without loss, in nanoseconds: a timer is up to 1 ms late, a busy runtime a
/// little more. Without it a bucket of one token would give out fewer than flow in.
pub(super) const SLACK: u64 = 5_000_000;

/// A line that was longer gives its memory back when nobody waits any more.
const LONG: usize = 64;

/// What a waiter is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Its tokens are there, and everybody who came before was served.
    Served,
    /// It is first, and its tokens are there in so many nanoseconds.
    First(u64),
    /// Somebody came before; it is woken, or goes away in so many nanoseconds.
    Behind(u64),
    /// Its tokens, due in so many nanoseconds, come too late.
    TooLate(u64),
    /// The bucket does not hold as many any more.
    Never,
}

impl Wakers {
    pub(super) fn settle(self) {
        self.next.into_iter().for_each(Waker::wake);
    }
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.waiters.len()
    }

    /// The bucket's number, if `state` is what stands where it is kept while nobody waits.
    ///
    /// Late waiters find what they took ahead, and no more flows in beside it than a full bucket holds.
    pub(super) fn open(&self, gcra: &Gcra, state: u64, now: u64) -> u64 {
        if self.waiters.is_empty() {
            return state;
        }
        self.full_at.max(gcra.full_but(now, self.reserved()).saturating_sub(SLACK))
    }

    /// Keeps the bucket's number; returns what is to stand where it is kept while nobody waits.
    pub(super) fn close(&mut self, full_at: u64) -> u64 {
        if self.waiters.is_empty() {
            return full_at;
        }
        self.full_at = full_at;
        HELD
    }

    /// Joins the line after its tokens were taken.
    pub(super) fn join(&mut self, cost: u32, give_up_at: u64) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.taken += u64::from(cost);
        self.waiters.push_back(Waiter { ticket, cost, taken: self.taken, give_up_at, waker: None });
        ticket
    }

    /// Looks whose turn it is; who has to wait on is woken by this waker, which is exchanged for one to drop.
    pub(super) fn turn(&mut self, ticket: u64, gcra: &Gcra, full_at: u64, now: u64, waker: &mut Option<Waker>) -> Turn {
        let taken = self.taken;
        let place = self.place(ticket);
        let waiter = &mut self.waiters[place];
        if waiter.cost > gcra.capacity() {
            return Turn::Never;
        }
        // In a pause the tokens are there later anyway, but who takes none would not wait for them.
        let earliest = if now < self.paused_until { self.paused_until } else { 0 };
        let due = gcra.due(full_at, taken - waiter.taken).max(earliest);
        // Late, but with its tokens there, it is served: they were taken for it.
        if due > waiter.give_up_at.max(now) {
            return Turn::TooLate(due.saturating_sub(now));
        }
        if place == 0 && due <= now {
            return Turn::Served;
        }
        let left = if place == 0 { due - now } else { waiter.give_up_at.saturating_add(SLACK).saturating_sub(now) };
        if left == 0 {
            // Its tokens may be there, but those before it do not come for theirs.
            return Turn::TooLate(due.saturating_sub(now));
        }
        swap(&mut waiter.waker, waker);
        if place == 0 { Turn::First(left) } else { Turn::Behind(left) }
    }

    /// Leaves the line with its tokens.
    pub(super) fn serve_first(&mut self) -> Wakers {
        let gone = self.waiters.pop_front().and_then(|served| served.waker);
        self.shrink();
        Wakers { next: self.wake_first(), gone }
    }

    /// Leaves the line; returns the tokens to give back, and whom to wake.
    pub(super) fn leave(&mut self, ticket: u64) -> (u32, Wakers) {
        let place = self.place(ticket);
        let (cost, gone) = self.waiters.remove(place).map_or((0, None), |waiter| (waiter.cost, waiter.waker));
        self.taken -= u64::from(cost);
        for behind in self.waiters.range_mut(place..) {
            behind.taken -= u64::from(cost);
        }
        self.shrink();
        let next = if place == 0 { self.wake_first() } else { None };
        (cost, Wakers { next, gone })
    }

    fn shrink(&mut self) {
        if self.waiters.is_empty() && self.waiters.capacity() > LONG {
            self.waiters = VecDeque::new();
        }
    }

    /// Whom to wake when tokens may be there sooner.
    pub(super) fn wake_first(&mut self) -> Option<Waker> {
        self.waiters.front_mut().and_then(|first| first.waker.take())
    }

    /// Whom to wake when tokens come later than was promised.
    pub(super) fn wake_all(&mut self) -> Vec<Waker> {
        self.waiters.iter_mut().filter_map(|waiter| waiter.waker.take()).collect()
    }

    /// The bucket's number under another quota than it was kept under; who waits is to be woken.
    pub(super) fn convert(&self, from: &Gcra, to: &Gcra, full_at: u64, now: u64) -> u64 {
        let instant = now.max(self.paused_until);
        to.convert(from, full_at, instant, self.reserved()).max(self.lowest(to, now))
    }

    /// Serves nobody until then; returns the lowest state in which the bucket does so.
    pub(super) fn pause(&mut self, gcra: &Gcra, until: u64) -> u64 {
        self.paused_until = self.paused_until.max(until);
        self.lowest_until(gcra, until)
    }

    /// Nanoseconds until somebody may be served again.
    pub(super) fn pause_left(&self, now: u64) -> u64 {
        self.paused_until.saturating_sub(now)
    }

    /// The lowest state that the bucket may have, whatever is given back.
    pub(super) fn lowest(&self, gcra: &Gcra, now: u64) -> u64 {
        if now < self.paused_until { self.lowest_until(gcra, self.paused_until) } else { 0 }
    }

    /// Whether it is more than a line in which nobody waits.
    pub(super) fn is_needed(&self, now: u64) -> bool {
        !self.waiters.is_empty() || now < self.paused_until
    }

    /// Tokens that were taken ahead by who waits.
    pub(super) fn reserved(&self) -> u64 {
        self.waiters.front().map_or(0, |first| self.taken - first.taken + u64::from(first.cost))
    }

    fn lowest_until(&self, gcra: &Gcra, until: u64) -> u64 {
        gcra.lowest_paused(until, self.reserved(), self.waiters.front().map_or(0, |first| first.cost))
    }

    fn place(&self, ticket: u64) -> usize {
        self.waiters
            .binary_search_by_key(&ticket, |waiter| waiter.ticket)
            .expect("a waiter stays in line until it was served or left")
    }
}

#[cfg(test)]
mod tests;
