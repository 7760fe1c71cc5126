use std::{mem::replace, task::Waker};

/// Those who wait, first come first served, and those who have been served and have not looked yet.
///
/// A doubly linked list in one vector, so that leaving from the middle costs the same as from the front.
#[derive(Debug)]
pub(super) struct Queue {
    nodes: Vec<Node>,
    first: usize,
    last: usize,
    waiting: usize,
    /// Nodes of those who wait or have not looked yet.
    used: usize,
    /// The first of the nodes that nobody uses.
    unused: usize,
}

/// One's place in the queue; valid until its holder has left.
#[derive(Debug)]
pub(super) struct Ticket(usize);

#[derive(Debug)]
struct Node {
    state: State,
    before: usize,
    after: usize,
}

#[derive(Debug)]
enum State {
    Unused,
    Waits(Option<Waker>),
    Served,
}

/// How one left the queue.
#[derive(Debug)]
pub(super) enum Left {
    /// Without having been served; the waker is to be dropped outside the lock.
    Unserved(#[expect(dead_code, reason = "is dropped")] Option<Waker>),
    /// With a place, to be given back.
    Served,
}

const NONE: usize = usize::MAX;

/// A queue that was longer gives its memory back when nobody is in it any more.
const LONG: usize = 64;

impl Queue {
    pub(super) const fn new() -> Self {
        Self { nodes: Vec::new(), first: NONE, last: NONE, waiting: 0, used: 0, unused: NONE }
    }

    /// How many wait.
    pub(super) const fn len(&self) -> usize {
        self.waiting
    }

    /// Queues up at the end.
    pub(super) fn push(&mut self) -> Ticket {
        let node = Node { state: State::Waits(None), before: self.last, after: NONE };
        let at = self.unused;
        let at = if at == NONE {
            self.nodes.push(node);
            self.nodes.len() - 1
        } else {
            self.unused = self.nodes[at].after;
            self.nodes[at] = node;
            at
        };
        *self.link_after(self.last) = at;
        self.last = at;
        self.waiting += 1;
        self.used += 1;
        Ticket(at)
    }

    /// Serves the first; its waker, if it has left one, is to be woken outside the lock.
    ///
    /// # Panics
    /// When nobody waits.
    pub(super) fn serve_first(&mut self) -> Option<Waker> {
        let at = self.first;
        self.unlink(at);
        match replace(&mut self.nodes[at].state, State::Served) {
            State::Waits(waker) => waker,
            State::Unused | State::Served => unreachable!("who is linked waits"),
        }
    }

    /// Whether the holder has been served; if so it has left, else the waker is kept in exchange for the former one.
    ///
    /// Either way returns the waker that is of no use any more, so that nothing is dropped here.
    pub(super) fn look(&mut self, ticket: &Ticket, waker: Waker) -> Result<Waker, Option<Waker>> {
        match &mut self.nodes[ticket.0].state {
            State::Served => {
                self.release(ticket.0);
                Ok(waker)
            }
            State::Waits(kept) => Err(kept.replace(waker)),
            State::Unused => unreachable!("a ticket is valid until its holder has left"),
        }
    }

    /// Leaves the queue, served or not.
    pub(super) fn leave(&mut self, ticket: &Ticket) -> Left {
        let at = ticket.0;
        let left = match replace(&mut self.nodes[at].state, State::Unused) {
            State::Waits(waker) => {
                self.unlink(at);
                Left::Unserved(waker)
            }
            State::Served => Left::Served,
            State::Unused => unreachable!("a ticket is valid until its holder has left"),
        };
        self.release(at);
        left
    }

    fn link_after(&mut self, at: usize) -> &mut usize {
        if at == NONE { &mut self.first } else { &mut self.nodes[at].after }
    }

    fn link_before(&mut self, at: usize) -> &mut usize {
        if at == NONE { &mut self.last } else { &mut self.nodes[at].before }
    }

    fn unlink(&mut self, at: usize) {
        let Node { before, after, .. } = self.nodes[at];
        *self.link_after(before) = after;
        *self.link_before(after) = before;
        self.waiting -= 1;
    }

    fn release(&mut self, at: usize) {
        self.nodes[at] = Node { state: State::Unused, before: NONE, after: self.unused };
        self.unused = at;
        self.used -= 1;
        if self.used == 0 && self.nodes.capacity() > LONG {
            *self = Self::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Push,
        Serve,
        Look(usize),
        Leave(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => Just(Step::Push),
            2 => Just(Step::Serve),
            1 => any::<usize>().prop_map(Step::Look),
            2 => any::<usize>().prop_map(Step::Leave),
        ]
    }

    proptest! {
        /// Against a plain deque of numbers and a list of those who were served.
        #[test]
        fn it_serves_in_order_whoever_leaves(steps in prop::collection::vec(step(), 0..200)) {
            let mut queue = Queue::new();
            let (mut waiting, mut served) = (VecDeque::new(), Vec::new());
            let mut tickets: Vec<(usize, Ticket)> = Vec::new();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push => {
                        tickets.push((number, queue.push()));
                        waiting.push_back(number);
                    }
                    Step::Serve if !waiting.is_empty() => {
                        queue.serve_first();
                        served.extend(waiting.pop_front());
                    }
                    Step::Look(which) if !tickets.is_empty() => {
                        let which = which % tickets.len();
                        let (number, ticket) = &tickets[which];
                        let is_served = served.contains(number);
                        prop_assert_eq!(queue.look(ticket, Waker::noop().clone()).is_ok(), is_served);
                        if is_served {
                            tickets.swap_remove(which);
                        }
                    }
                    Step::Leave(which) if !tickets.is_empty() => {
                        let (number, ticket) = tickets.swap_remove(which % tickets.len());
                        let is_served = matches!(queue.leave(&ticket), Left::Served);
                        prop_assert_eq!(is_served, served.contains(&number));
                        waiting.retain(|other| *other != number);
                    }
                    Step::Serve | Step::Look(_) | Step::Leave(_) => {}
                }
                prop_assert_eq!(queue.len(), waiting.len());
                prop_assert!(queue.nodes.len() <= 200);
            }
        }
    }

    #[test]
    fn places_in_the_queue_are_used_again() {
        let mut queue = Queue::new();
        for _ in 0..100 {
            let (first, second) = (queue.push(), queue.push());
            queue.leave(&first);
            queue.serve_first();
            queue.leave(&second);
        }
        assert_eq!(queue.nodes.len(), 2);
    }

    #[test]
    fn a_long_queue_gives_its_memory_back() {
        let mut queue = Queue::new();
        let mut tickets: Vec<_> = (0..10_000).map(|_| queue.push()).collect();
        (0..5_000).for_each(|_| _ = queue.serve_first());
        let last = tickets.pop().expect("one of many");
        tickets.iter().for_each(|ticket| _ = queue.leave(ticket));
        assert_eq!((queue.nodes.len(), queue.len()), (10_000, 1));
        assert!(matches!(queue.leave(&last), Left::Unserved(_)));
        assert_eq!(queue.nodes.capacity(), 0);
        queue.push();
        assert_eq!(queue.len(), 1);
    }
}
