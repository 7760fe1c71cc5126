use std::task::Waker;

use super::{
    memory,
    queue::{Left, Queue, Ticket},
    word::Word,
};
use crate::sync::{
    Mutex,
    atomic::{
        AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed},
    },
};

/// The word and the queue of one semaphore.
///
/// Under the lock of the queue the word says that somebody waits exactly if the queue is not empty. Aligned so that two
/// semaphores never share a cache line (128 bytes: the line and the one that is fetched beside it).
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Core {
    word: AtomicU64,
    queue: Mutex<Queue>,
    #[cfg(fsm_loom)]
    is_at_rest: std::sync::atomic::AtomicBool,
}

/// The queue is as long as it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// What one gets who enters.
pub(super) enum Entry {
    Taken,
    Queued(Ticket),
}

impl Core {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            word: AtomicU64::new(Word::new(limit).0),
            queue: Mutex::new(Queue::new()),
            #[cfg(fsm_loom)]
            is_at_rest: Default::default(),
        }
    }

    /// Lets the memory of the queue go; nobody waits.
    #[cfg(not(fsm_loom))]
    pub(super) fn put_to_rest(&self) {
        let emptied = std::mem::replace(&mut *self.queue.lock(), Queue::new());
        drop(emptied);
    }

    /// Makes one that is at rest as if it were new.
    #[cfg(not(fsm_loom))]
    pub(super) fn renew(&self, limit: usize) {
        self.word.swap(Word::new(limit).0, AcqRel);
    }

    #[cfg(fsm_loom)]
    pub(super) fn put_to_rest(&self) {
        assert_eq!(self.word().taken(), 0, "a place is taken");
        assert!(!self.is_at_rest.swap(true, Relaxed), "put to rest twice");
    }

    #[cfg(fsm_loom)]
    pub(super) fn is_at_rest(&self) -> bool {
        self.is_at_rest.load(Relaxed)
    }

    #[inline]
    pub(super) fn word(&self) -> Word {
        Word(self.word.load(Relaxed))
    }

    pub(super) fn queued(&self) -> usize {
        self.queue.lock().len()
    }

    /// Takes a place unless none is free or somebody waits.
    #[inline]
    pub(super) fn try_take(&self) -> bool {
        let mut seen = self.word();
        while let Some(next) = seen.take() {
            match self.swap(seen, next) {
                Ok(()) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    #[inline]
    fn swap(&self, seen: Word, next: Word) -> Result<(), Word> {
        // Acquires what the last holder of the place released.
        self.word.compare_exchange(seen.0, next.0, Acquire, Relaxed).map(drop).map_err(Word)
    }

    /// Takes a place or queues up.
    pub(super) fn enter(&self, max_queued: usize) -> Result<Entry, Full> {
        let mut queue = self.queue.lock();
        let mut seen = self.word();
        loop {
            let next = match seen.take() {
                Some(next) => next,
                None if queue.len() >= max_queued => return Err(Full),
                None => seen.with_somebody_waiting(),
            };
            // Either way against the word as it is: a place given back meanwhile is seen here, or sees the queue.
            match self.swap(seen, next) {
                Ok(()) if next.taken() > seen.taken() => return Ok(Entry::Taken),
                Ok(()) => return Ok(Entry::Queued(queue.push())),
                Err(now) => seen = now,
            }
        }
    }

    /// Gives a place back.
    #[inline]
    pub(super) fn give_back(&'static self) {
        // Releases what was done in the place; acquires what all others did in theirs, for whoever is the last.
        let before = Word(self.word.fetch_sub(Word::PLACE, AcqRel));
        if before.needs_care() {
            self.after_care(before);
        }
    }

    /// The place given back may be another semaphore's by now, if the one who waited has left: handing on is always
    /// right.
    #[cold]
    #[inline(never)]
    fn after_care(&'static self, before: Word) {
        if before.is_last_of_closed() {
            memory::give_back(self);
        } else {
            self.hand_on();
        }
    }

    /// Hands free places to those who wait.
    pub(super) fn hand_on(&self) {
        while let Some(waker) = self.serve() {
            // Outside the lock: a waker may run anything.
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    /// Hands a free place to the first who waits.
    fn serve(&self) -> Option<Option<Waker>> {
        let mut queue = self.queue.lock();
        if queue.len() == 0 {
            return None;
        }
        let mut seen = self.word();
        while let Some(next) = seen.hand_on(queue.len() == 1) {
            match self.swap(seen, next) {
                Ok(()) => return Some(queue.serve_first()),
                Err(now) => seen = now,
            }
        }
        None
    }

    /// Whether the holder of the ticket has its place; if so the ticket is used up, else the waker is woken then.
    pub(super) fn look(&self, ticket: &Ticket, waker: Waker) -> bool {
        let looked = self.queue.lock().look(ticket, waker);
        // The waker that is of no use is dropped here, outside the lock: that may run anything.
        looked.is_ok()
    }

    /// Leaves the queue, and passes on the place if there is one already.
    pub(super) fn leave(&'static self, ticket: &Ticket) {
        let mut queue = self.queue.lock();
        let left = queue.leave(ticket);
        if queue.len() == 0 {
            self.word.fetch_and(Word::NOT_QUEUED, Relaxed);
        }
        drop(queue);
        if let Left::Served = left {
            self.give_back();
        }
    }

    pub(super) fn resize(&self, limit: usize) {
        self.set_limit(limit);
        self.hand_on();
    }

    pub(super) fn set_limit(&self, limit: usize) {
        let mut seen = self.word();
        while let Err(now) = self.swap(seen, seen.with_limit(limit)) {
            seen = now;
        }
    }

    /// The owner is gone; nobody waits any more, since who waits is an owner too.
    pub(super) fn close(&'static self) {
        let before = Word(self.word.fetch_or(Word::CLOSED, AcqRel));
        if before.taken() == 0 {
            memory::give_back(self);
        }
    }
}
