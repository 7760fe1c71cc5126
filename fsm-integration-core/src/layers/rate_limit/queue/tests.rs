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
        while let Some((ticket, cost)) = self.line.front().copied().filter(|(_, cost)| cost * INTERVAL <= self.level) {
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
    assert_eq!(
        queue.turn(tickets[1], &gcra, full_at, 0, &mut Some(Waker::noop().clone())),
        Turn::Behind(2 * INTERVAL + SLACK)
    );
    let paused = full_at.max(queue.pause(&gcra, 2 * INTERVAL));
    assert_eq!(queue.turn(tickets[0], &gcra, paused, 0, &mut Some(Waker::noop().clone())), Turn::TooLate(2 * INTERVAL));
    assert_eq!(queue.turn(tickets[1], &gcra, paused, 0, &mut Some(Waker::noop().clone())), Turn::TooLate(3 * INTERVAL));
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
