use std::{fmt, sync::Arc, task::Waker, time::Duration};

use parking_lot::Mutex;

use super::{
    Acquire, Decision, Quota, WaitConfig,
    cell::Cell,
    gcra::{Attempt, Gcra, HELD},
    queue::Queue,
    visit::{NO_PLACE, Visit, Waited},
};
use crate::{
    clock::{Clock, SystemClock, Ticks},
    error::RateLimited,
    observe::{Listening, Observers},
};

/// A token bucket in this process: exact, lock-free, with a fair line for who wants to wait.
///
/// Clones share it.
///
/// ```
/// use std::num::NonZeroU32;
/// use fsm_integration_core::layers::rate_limit::{Quota, TokenBucket};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let quota = Quota::per_second(NonZeroU32::new(2).unwrap(), NonZeroU32::MIN);
/// let bucket = TokenBucket::new(quota);
/// assert!(bucket.try_acquire(2).allowed);
/// assert!(bucket.try_acquire(1).retry_after.is_some());
///
/// bucket.acquire(1).await.expect("a second is less than what a call waits at most");
/// # }
/// ```
pub struct TokenBucket<C = SystemClock> {
    shared: Arc<Shared<C>>,
    listening: Arc<Listening>,
}

struct Shared<C> {
    cell: Cell,
    gcra: Gcra,
    ticks: Ticks<C>,
    queue: Mutex<Queue>,
}

impl TokenBucket {
    /// Creates a full bucket.
    #[must_use]
    pub fn new(quota: Quota) -> Self {
        Self::with_clock("default", quota, SystemClock)
    }
}

impl<C: Clock> TokenBucket<C> {
    /// Creates a full bucket with this clock, and a name for its metrics.
    pub fn with_clock(name: &str, quota: Quota, clock: C) -> Self {
        let shared = Shared {
            cell: Cell::default(),
            gcra: Gcra::new(&quota),
            ticks: Ticks::new(clock),
            queue: Mutex::default(),
        };
        Self { shared: Arc::new(shared), listening: Arc::new(Listening::new(name)) }
    }

    /// Names this handle, and the clones made of it, for metrics.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        Arc::make_mut(&mut self.listening).name = name.into();
        self
    }

    /// Chooses who is told of refusals by the layers that this handle, and the clones made of it, are given to.
    #[must_use]
    pub fn with_observers(mut self, observers: Observers) -> Self {
        Arc::make_mut(&mut self.listening).observers = observers;
        self
    }

    /// The name for its metrics.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.listening.name
    }

    /// Who is told of refusals; for callers that ask without a layer.
    #[must_use]
    pub fn observers(&self) -> Observers {
        self.listening.observers.clone()
    }

    /// Takes `cost` tokens if they are there; a cost above the capacity is refused for ever.
    ///
    /// While somebody waits in line, the tokens that are there or flow in are taken already: nobody overtakes, however
    /// late the line is.
    #[inline]
    pub fn try_acquire(&self, cost: u32) -> Decision {
        self.shared.gcra.tell(&self.attempt(cost))
    }

    /// Takes `cost` tokens as soon as they are there, first come, first served; waits as [`WaitConfig::default`] says.
    ///
    /// See [`acquire_within`](Self::acquire_within).
    ///
    /// # Panics
    /// The future, when it has to wait outside a tokio runtime with time.
    pub fn acquire(&self, cost: u32) -> Acquire<Self> {
        self.acquire_within(cost, WaitConfig::default())
    }

    /// Takes `cost` tokens as soon as they are there, first come, first served.
    ///
    /// Its place in line is taken by this call. Who waits uses no CPU: the first of the line has a timer for its tokens,
    /// the others are woken by who goes before them. A clock that tokio's paused time does not move does not shorten the
    /// wait.
    ///
    /// # Errors
    /// The future's: [`RateLimited`], at once, when the wait would be longer, the line is full, or the cost exceeds the
    /// capacity; and while it waits, when a pause or a charge makes the wait too long, or those before it stand still.
    ///
    /// # Panics
    /// The future, when it has to wait outside a tokio runtime with time.
    pub fn acquire_within(&self, cost: u32, config: WaitConfig) -> Acquire<Self> {
        let alone = self.waiting() == 0;
        if alone && self.attempt(cost).into_result().is_ok() {
            return Acquire::told(self.clone(), cost, Ok(()));
        }
        Acquire::join(self.clone(), cost, config, NO_PLACE)
    }

    /// How many wait in line.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.queue.lock().len()
    }

    /// Looks without taking.
    pub fn peek(&self) -> Decision {
        self.try_acquire(0)
    }

    /// Gives `cost` tokens back, for a call that was allowed but not made; whoever waits moves up.
    pub fn refund(&self, cost: u32) {
        self.change(|visit| visit.give_back(cost));
    }

    /// Takes `cost` tokens whether they are there or not, for what a call turned out to cost.
    ///
    /// The bucket may get into debt, which it pays back from what flows in before it gives out anything.
    pub fn charge(&self, cost: u32) {
        self.change(|visit| visit.charge(cost));
    }

    /// Gives out nothing for a while, as the other side asked (requirement R11), and lets nobody pass who costs
    /// nothing; then starts with one token, or with the first in line.
    pub fn pause(&self, duration: Duration) {
        self.change(|visit| visit.pause(duration));
    }

    /// Decides, without what only some callers want to be told.
    #[inline]
    pub(super) fn attempt(&self, cost: u32) -> Attempt {
        let Shared { cell, gcra, ticks, .. } = &*self.shared;
        let attempt = cell.attempt(gcra, ticks.nanos(), cost);
        // A pause that holds up who takes no token is known to the line.
        let is_all = if cost > 0 { attempt.allowed || !attempt.is_held() } else { gcra.has_token(&attempt) };
        if is_all { attempt } else { self.ask_line(|visit| visit.take(cost)) }
    }

    #[cold]
    #[inline(never)]
    fn ask_line<T>(&self, ask: impl FnOnce(&mut Visit<'_>) -> T) -> T {
        self.visit(ask).expect("it is always there")
    }

    /// Takes as many tokens as there are from `least` to `most`.
    pub(super) fn take_up_to(&self, least: u32, most: u32) -> Result<u32, RateLimited> {
        let Shared { cell, gcra, ticks, .. } = &*self.shared;
        let taken = cell.take_up_to(gcra, ticks.nanos(), least, most);
        taken.unwrap_or_else(|| self.ask_line(|visit| visit.take_up_to(least, most)))
    }

    /// Nanoseconds since it was made.
    pub(super) fn nanos(&self) -> u64 {
        self.shared.ticks.nanos()
    }

    /// Changes the bucket and wakes whom that concerns.
    fn change<W: IntoIterator<Item = Waker>>(&self, change: impl FnOnce(&mut Visit<'_>) -> W) {
        let woken = self.visit(change).into_iter().flatten();
        woken.for_each(Waker::wake);
    }
}

impl<C: Clock> Waited for TokenBucket<C> {
    fn visit<T>(&self, visit: impl FnOnce(&mut Visit<'_>) -> T) -> Option<T> {
        let Shared { cell, gcra, ticks, queue, .. } = &*self.shared;
        let mut queue = queue.lock();
        // Who comes meanwhile finds no token and waits for the lock.
        let state = cell.replace(HELD);
        let (told, state) = Visit::pay(&mut queue, gcra, ticks.nanos(), state, visit);
        cell.replace(state);
        Some(told)
    }

    fn refund(&self, cost: u32) {
        Self::refund(self, cost);
    }
}

impl<C> Clone for TokenBucket<C> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), listening: Arc::clone(&self.listening) }
    }
}

impl<C> fmt::Debug for TokenBucket<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, gcra) = (&self.listening.name, &self.shared.gcra);
        f.debug_struct("TokenBucket").field("name", name).field("gcra", gcra).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
