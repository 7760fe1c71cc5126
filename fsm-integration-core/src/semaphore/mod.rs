//! Places for calls, with a fair queue before them; what bulkhead and adaptive concurrency share.
//!
//! # Why not tokio's
//! A layer's future must own its place, and with [`tokio::sync::Semaphore`] that costs four atomic read-modify-writes
//! (about 5 ns each): the place and a reference count, both taken and given back. Here a place costs two. Besides,
//! tokio's cannot be made smaller while its places are taken.
//!
//! # How
//! * One [`Word`] holds how many places are taken, how many there are, and whether anybody waits. Taking a free place is
//!   one compare-and-swap; giving it back is one subtraction, whose answer says whether anybody must be told.
//! * Who finds no place queues up behind a lock ([`Queue`]). While anybody waits the word says so, and nobody takes a
//!   place but through the queue: first come, first served. Whoever gives a place back hands it to the first waiter
//!   under the lock, so that none is lost and none is overtaken.
//! * The number of places taken is also the reference count of the memory they are counted in ([`Core`]): it is at rest
//!   when the last [`Semaphore`] is gone and no place is taken. It then goes to a free list, like a page of an
//!   allocator, and the next semaphore uses it ([`memory`]). So a [`Place`] borrows for ever, owns no count, and needs no
//!   `unsafe`. What is kept is the greatest number of semaphores that lived at once, 128 bytes each.

mod core;
mod memory;
mod queue;
#[cfg(test)]
mod tests;
mod waiting;
mod word;

use std::{fmt, sync::Arc, time::Duration};

use self::core::{Core, Entry};
pub(crate) use self::{core::Full, waiting::Waiting};
#[cfg(doc)]
use self::{queue::Queue, word::Word};

/// Places with a queue before them; clones share both.
#[derive(Clone)]
pub(crate) struct Semaphore {
    core: &'static Core,
    /// Says when the last clone is gone.
    _owner: Arc<Owner>,
}

struct Owner(&'static Core);

/// A taken place, given back on drop.
#[must_use = "a place that is not held is given back at once"]
pub(crate) struct Place(&'static Core);

/// What one gets who asks for a place and is willing to wait.
pub(crate) enum Asked {
    /// A place at once.
    Place(Place),
    /// A place in the queue; boxed, so that who finds a place moves nothing of it about.
    Waiting(Box<Waiting>),
}

impl Semaphore {
    /// So many places, at least 1.
    pub(crate) fn new(limit: usize) -> Self {
        let core = memory::take(limit);
        Self { core, _owner: Arc::new(Owner(core)) }
    }

    /// A place at once, unless none is free or somebody waits.
    #[inline]
    pub(crate) fn try_take(&self) -> Option<Place> {
        self.core.try_take().then(|| Place(self.core))
    }

    /// A place, or one in the queue for at most `max_wait`, unless the queue has reached `max_queued`.
    pub(crate) fn ask(&self, max_queued: usize, max_wait: Option<Duration>) -> Result<Asked, Full> {
        Ok(match self.core.enter(max_queued)? {
            Entry::Taken => Asked::Place(Place(self.core)),
            Entry::Queued(ticket) => Asked::Waiting(Box::new(Waiting::new(self.clone(), ticket, max_wait))),
        })
    }

    /// Changes how many places there are, to at least 1; fewer takes effect as places are given back.
    pub(crate) fn resize(&self, limit: usize) {
        self.core.resize(limit);
    }

    /// As [`resize`](Self::resize), without handing new places on: for those who hold a lock, who must
    /// [`hand_on`](Self::hand_on) after it, since that may run anything.
    pub(crate) fn set_limit(&self, limit: usize) {
        self.core.set_limit(limit);
    }

    /// Hands free places to those who wait.
    pub(crate) fn hand_on(&self) {
        self.core.hand_on();
    }

    /// How many places there are.
    pub(crate) fn limit(&self) -> usize {
        self.core.word().limit()
    }

    /// How many places are taken.
    #[inline]
    pub(crate) fn taken(&self) -> usize {
        self.core.word().taken()
    }

    /// How many wait.
    pub(crate) fn queued(&self) -> usize {
        self.core.queued()
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Drop for Place {
    #[inline]
    fn drop(&mut self) {
        self.0.give_back();
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (limit, taken, queued) = (self.limit(), self.taken(), self.queued());
        f.debug_struct("Semaphore").field("limit", &limit).field("taken", &taken).field("queued", &queued).finish()
    }
}
