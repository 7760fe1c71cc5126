//! The line of those who wait for a bucket's tokens, first come, first served; pure.
//!
//! Who joins has taken its tokens ahead of time ([`Gcra::reserve`]), so that the bucket's one number holds the whole
//! line: nobody can overtake, whatever his cost, and what callers are told counts the line in. Each waiter knows from
//! what was taken after it when its own tokens are there. One that leaves gives its tokens back, which brings all
//! behind it forward.

use std::{collections::VecDeque, mem::swap, task::Waker};

use super::gcra::Gcra;

/// Who waits, in the order of arrival.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiters: VecDeque<Waiter>,
    next_ticket: u64,
    /// Tokens that were taken ahead of time by all who ever came, as far as they did not leave.
    taken: u64,
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

/// A line that was longer gives its memory back when nobody waits any more.
const LONG: usize = 64;

/// What a waiter is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Its tokens are there, and everybody who came before was served.
    Served,
    /// It is first, and its tokens are there in so many nanoseconds.
    First(u64),
    /// Somebody came before; it is woken.
    Behind,
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
        swap(&mut waiter.waker, waker);
        if place == 0 { Turn::First(due - now) } else { Turn::Behind }
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
    fn reserved(&self) -> u64 {
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
mod tests {
    use std::{num::NonZeroU32, time::Duration};

    use proptest::prelude::*;

    use super::{super::Quota, *};

    const INTERVAL: u64 = 1_000;

    fn gcra(capacity: u32) -> Gcra {
        let capacity = NonZeroU32::new(capacity).expect("not zero");
        Gcra::new(&Quota::new(capacity, NonZeroU32::MIN, Duration::from_nanos(INTERVAL)))
    }

    /// What happens at a bucket with a line.
    #[derive(Debug, Clone)]
    enum Event {
        Passes(u64),
        Joins(u32),
        Leaves(prop::sample::Index),
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let event = prop_oneof![
            3 => (0..3 * INTERVAL).prop_map(Event::Passes),
            3 => (1..5_u32).prop_map(Event::Joins),
            1 => any::<prop::sample::Index>().prop_map(Event::Leaves),
        ];
        prop::collection::vec(event, 1..200)
    }

    /// A line in the plainest form: tokens times nanoseconds flow in, the first takes them when they are enough for it.
    struct Naive {
        level: u64,
        capacity: u64,
        line: VecDeque<(u64, u64)>,
    }

    impl Naive {
        fn serve(&mut self, passes: u64) -> Vec<u64> {
            let mut served = Vec::new();
            for _ in 0..passes {
                self.level = (self.level + 1).min(self.capacity * INTERVAL);
                served.extend(self.serve_now());
            }
            served
        }

        fn serve_now(&mut self) -> Vec<u64> {
            let mut served = Vec::new();
            while let Some((ticket, cost)) =
                self.line.front().copied().filter(|(_, cost)| cost * INTERVAL <= self.level)
            {
                self.level -= cost * INTERVAL;
                self.line.pop_front();
                served.push(ticket);
            }
            served
        }
    }

    proptest! {
        // Tokens taken ahead are the same as a line that is served from what flows in, whoever leaves it.
        #[test]
        fn it_serves_as_the_naive_line(capacity in 4..10_u32, events in events()) {
            let gcra = gcra(capacity);
            let mut naive = Naive { level: u64::from(capacity) * INTERVAL, capacity: capacity.into(), line: VecDeque::new() };
            let (mut queue, mut full_at, mut now) = (Queue::default(), 0, 0);
            for event in events {
                let mut expected = Vec::new();
                match event {
                    Event::Passes(time) => {
                        now += time;
                        expected.extend(naive.serve(time));
                    }
                    Event::Joins(cost) => {
                        full_at = gcra.reserve(full_at, now, cost, u64::MAX).expect("the line is long");
                        naive.line.push_back((queue.join(cost, u64::MAX), cost.into()));
                    }
                    Event::Leaves(which) if !naive.line.is_empty() => {
                        let (ticket, _) = naive.line.remove(which.index(naive.line.len())).expect("in line");
                        let (cost, wakers) = queue.leave(ticket);
                        wakers.settle();
                        full_at = gcra.refund(full_at, cost);
                    }
                    Event::Leaves(_) => {}
                }
                expected.extend(naive.serve_now());
                let mut served = Vec::new();
                while let Some(first) = queue.waiters.front().map(|first| first.ticket) {
                    if queue.turn(first, &gcra, full_at, now, &mut Some(Waker::noop().clone())) != Turn::Served {
                        break;
                    }
                    queue.serve_first().settle();
                    served.push(first);
                }
                prop_assert_eq!(served, expected);
                prop_assert_eq!(queue.len(), naive.line.len());
                let reserved: u64 = naive.line.iter().map(|(_, cost)| cost).sum();
                prop_assert_eq!(queue.reserved(), reserved);
            }
        }
    }

    #[test]
    fn who_comes_late_to_its_tokens_is_served() {
        let gcra = gcra(1);
        let mut queue = Queue::default();
        let full_at = gcra.reserve(gcra.charge(0, 0, 1), 0, 1, u64::MAX).expect("in line");
        let ticket = queue.join(1, INTERVAL);
        // Meanwhile a surplus token is taken, which makes the waiter's due later than it was willing to wait.
        let full_at = gcra.charge(full_at, 2 * INTERVAL, 1);
        assert_eq!(queue.turn(ticket, &gcra, full_at, 2 * INTERVAL, &mut Some(Waker::noop().clone())), Turn::Served);
    }

    #[test]
    fn who_would_be_served_too_late_is_told() {
        let gcra = gcra(1);
        let mut queue = Queue::default();
        let mut full_at = gcra.charge(0, 0, 1);
        let tickets = [1, 2].map(|turn| {
            full_at = gcra.reserve(full_at, 0, 1, u64::MAX).expect("in line");
            queue.join(1, turn * INTERVAL)
        });
        assert_eq!(queue.turn(tickets[1], &gcra, full_at, 0, &mut Some(Waker::noop().clone())), Turn::Behind);
        let paused = full_at.max(queue.pause(&gcra, 2 * INTERVAL));
        assert_eq!(
            queue.turn(tickets[0], &gcra, paused, 0, &mut Some(Waker::noop().clone())),
            Turn::TooLate(2 * INTERVAL)
        );
        assert_eq!(
            queue.turn(tickets[1], &gcra, paused, 0, &mut Some(Waker::noop().clone())),
            Turn::TooLate(3 * INTERVAL)
        );
    }

    #[test]
    fn a_line_is_needed_while_somebody_waits_or_until_its_pause_ends() {
        let mut queue = Queue::default();
        queue.pause(&gcra(1), 5);
        assert_eq!([4, 5].map(|now| queue.is_needed(now)), [true, false]);
        let ticket = queue.join(1, u64::MAX);
        assert!(queue.is_needed(5));
        queue.leave(ticket).1.settle();
        assert!(!queue.is_needed(5));
    }

    #[test]
    fn a_long_line_gives_its_memory_back() {
        let mut queue = Queue::default();
        let tickets: Vec<_> = (0..10_000).map(|_| queue.join(1, u64::MAX)).collect();
        tickets.into_iter().for_each(|ticket| queue.leave(ticket).1.settle());
        assert!(queue.waiters.capacity() <= LONG);
        (0..10_000).for_each(|_| _ = queue.join(1, u64::MAX));
        (0..10_000).for_each(|_| queue.serve_first().settle());
        assert!(queue.waiters.capacity() <= LONG);
    }

    #[test]
    fn a_line_that_was_not_long_keeps_its_memory() {
        let mut queue = Queue { waiters: VecDeque::with_capacity(LONG), ..Queue::default() };
        let ticket = queue.join(1, u64::MAX);
        queue.leave(ticket).1.settle();
        assert!(queue.waiters.capacity() >= LONG);
    }
}
