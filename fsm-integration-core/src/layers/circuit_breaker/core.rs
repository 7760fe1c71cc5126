use std::sync::{Arc, OnceLock};

use super::{
    CircuitBreakerConfig, CircuitChanges, CircuitModel, CircuitSnapshot, CircuitState, Control, Outcome,
    permit::Gate,
    refusal::Refusal,
    shards::Shards,
    state::{Ended, Loss, Machine, Moment},
    tell::Teller,
    ticket::Ticket,
    word::{View, Word},
};
use crate::{
    clock::{Clock, Ticks},
    error::CircuitOpen,
    observe::{Observation, Observers},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// The state that clones of a breaker share: the machine under a lock, and what a call needs to know beside it.
pub(super) struct Core<C> {
    hot: Hot<C>,
    machine: Mutex<Machine>,
    teller: Teller,
    name: Arc<str>,
}

/// What every call reads, on cache lines of its own: references to the breaker are counted on another.
#[repr(align(128))]
struct Hot<C> {
    word: Word,
    /// Until when successes are counted in the present bucket of a time window; for ever in a count window.
    bucket_end: AtomicU64,
    /// From how many nanoseconds on a timed call is slow.
    slow: AtomicU64,
    /// Whether somebody wants to know of every refusal.
    listened: AtomicBool,
    ticks: Ticks<C>,
    shards: OnceLock<Shards>,
}

impl<C: Clock> Core<C> {
    pub(super) fn new(name: Arc<str>, config: CircuitBreakerConfig, clock: C, observers: Observers) -> Self {
        let ticks = Ticks::new(clock);
        let machine = Machine::new(config, ticks.nanos());
        let hot = Hot {
            word: Word::new(machine.view()),
            bucket_end: AtomicU64::new(0),
            slow: AtomicU64::new(0),
            listened: AtomicBool::new(observers.listens()),
            ticks,
            shards: OnceLock::new(),
        };
        let core = Self { hot, machine: Mutex::new(machine), teller: Teller::new(observers), name };
        core.begin_epoch(&core.machine.lock());
        core.publish(&core.machine.lock());
        core
    }

    /// Tells the observers what the breaker is, as a change from that to that.
    pub(super) fn introduce(&self) {
        let machine = self.machine.lock();
        self.teller.queue(machine.state(), machine.state());
        drop(machine);
        self.teller.tell(&self.name);
    }

    fn refuse(&self, shadow: bool, refusal: CircuitOpen) -> Result<Ticket, Refusal> {
        if shadow {
            self.teller.tell_at_once(&self.name, Observation::CircuitWouldRefuse);
            return Ok(Ticket::UNCOUNTED);
        }
        if self.hot.listened.load(Ordering::Relaxed) {
            let CircuitOpen { retry_after } = refusal;
            self.teller.tell_at_once(&self.name, Observation::CircuitRefused { retry_after });
        }
        Err(refusal.into())
    }

    #[cold]
    #[inline(never)]
    fn admit_slowly(&self) -> Result<Ticket, Refusal> {
        let bits = self.hot.word.load();
        if bits.is_closed() {
            return Ok(Ticket::timed(bits.epoch(), self.hot.ticks.nanos()));
        }
        if bits.is_forced_open() {
            return self.refuse(false, CircuitOpen { retry_after: None });
        }
        let (admitted, shadow) = self.change(|machine, at| (machine.admit(at), machine.is_shadow()));
        admitted.or_else(|refusal| self.refuse(shadow, refusal))
    }

    #[cold]
    #[inline(never)]
    fn settle_slowly(&self, ticket: Ticket, ended: Ended) {
        if ticket != Ticket::UNCOUNTED {
            self.change(|machine, at| machine.record(ticket, ended, at));
        }
    }

    /// Counts a success that time does not matter to.
    ///
    /// It calls nothing but at its end: a function that goes on after a call keeps what it needs on the stack, which costs
    /// as much as all the rest.
    #[inline(never)]
    fn settle_success(&self, ticket: Ticket) {
        self.tally(ticket);
    }

    /// Counts a success whose bucket may be over.
    #[inline(never)]
    fn settle_success_by_time(&self, ticket: Ticket) {
        if ticket.is_timed() {
            return self.settle_timed_success(ticket);
        }
        self.tally_in_time(self.hot.ticks.nanos(), ticket);
    }

    /// Counts a success that may have been slow, and whose bucket may be over.
    #[inline(never)]
    fn settle_timed_success(&self, ticket: Ticket) {
        let now = self.hot.ticks.nanos();
        if ticket.took(now).is_some_and(|took| took >= self.hot.slow.load(Ordering::Relaxed)) {
            return self.settle_success_slowly(ticket);
        }
        self.tally_in_time(now, ticket);
    }

    #[inline]
    fn tally_in_time(&self, now: u64, ticket: Ticket) {
        if now >= self.hot.bucket_end.load(Ordering::Relaxed) {
            return self.settle_success_slowly(ticket);
        }
        self.tally(ticket);
    }

    /// Counts a success beside the machine, if that is all there is to do.
    #[inline]
    fn tally(&self, ticket: Ticket) {
        let bits = self.hot.word.load();
        let (true, Some(shards)) = (bits.is_tallied(), self.hot.shards.get()) else {
            return self.settle_success_slowly(ticket);
        };
        if !shards.tally(ticket.epoch()) {
            return self.settle_success_slowly(ticket);
        }
        if self.hot.word.load() != bits {
            self.look_again();
        }
    }

    #[cold]
    #[inline(never)]
    fn settle_success_slowly(&self, ticket: Ticket) {
        self.settle_slowly(ticket, Outcome::Success.into());
    }

    /// Lets the machine judge what is tallied, since it began to judge every success meanwhile.
    #[cold]
    #[inline(never)]
    fn look_again(&self) {
        self.change(|_, _| {});
    }

    pub(super) fn control(&self, control: Control) {
        self.change(|machine, at| machine.control(control, at.now));
        self.teller.tell_at_once(&self.name, Observation::CircuitControlled { control: control.label() });
    }

    pub(super) fn reconfigure(&self, config: CircuitBreakerConfig) {
        self.change(|machine, at| machine.reconfigure(config, at.now));
    }

    pub(super) fn config(&self) -> CircuitBreakerConfig {
        *self.machine.lock().config()
    }

    /// Changes the machine under its lock, then tells about a new state outside it.
    ///
    /// The clock is read under the lock, so that time never goes back for the machine.
    fn change<T>(&self, change: impl FnOnce(&mut Machine, Moment) -> T) -> T {
        let mut machine = self.machine.lock();
        let at = Moment { now: self.hot.ticks.nanos(), dice: fastrand::f64() };
        let from = machine.state();
        let result = self.update(&mut machine, at, |machine| change(machine, at));
        if machine.judges_successes() {
            // Some may have gone to a shard before this was published; later ones look at the word again.
            self.update(&mut machine, at, |_| {});
        }
        let to = machine.state();
        if to != from {
            self.teller.queue(from, to);
        }
        drop(machine);
        if to != from {
            self.teller.tell(&self.name);
        }
        result
    }

    /// Takes over what was tallied beside the machine, changes it, and publishes what it became.
    fn update<T>(&self, machine: &mut Machine, at: Moment, change: impl FnOnce(&mut Machine) -> T) -> T {
        let epoch = machine.epoch();
        machine.catch_up(self.take_tallied(epoch), at);
        let result = change(machine);
        if machine.epoch() != epoch {
            self.begin_epoch(machine);
        }
        self.publish(machine);
        result
    }

    /// What was counted beside the machine since it last looked.
    fn take_tallied(&self, epoch: u32) -> u64 {
        self.hot.shards.get().map_or(0, |shards| shards.take(epoch))
    }

    fn begin_epoch(&self, machine: &Machine) {
        if machine.config().model != CircuitModel::Consecutive {
            self.hot.shards.get_or_init(Shards::new).begin(machine.epoch());
        }
    }

    /// Stores the word last: whoever sees it sees the rest.
    fn publish(&self, machine: &Machine) {
        self.hot.bucket_end.store(machine.bucket_end(), Ordering::Relaxed);
        self.hot.slow.store(machine.config().slow_nanos().unwrap_or(u64::MAX), Ordering::Relaxed);
        self.hot.word.store(View { told: self.hot.listened.load(Ordering::Relaxed), ..machine.view() });
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn replace_observers(&self, observers: Observers) {
        self.hot.listened.store(observers.listens(), Ordering::Relaxed);
        self.teller.replace_observers(observers);
        self.publish(&self.machine.lock());
        self.introduce();
    }

    pub(super) fn subscribe(&self) -> CircuitChanges {
        self.teller.subscribe()
    }

    pub(super) fn state(&self) -> CircuitState {
        self.hot.word.load().state()
    }

    pub(super) fn loss(&self) -> Option<Loss> {
        let now = self.hot.ticks.nanos();
        self.machine.lock().loss(now)
    }

    pub(super) fn snapshot(&self) -> CircuitSnapshot {
        self.change(|machine, at| machine.snapshot(&self.name, at.now))
    }
}

impl<C: Clock> Gate for Core<C> {
    /// One load while closed; one load and one look at the clock while open.
    #[inline(always)]
    fn admit(&self) -> Result<Ticket, Refusal> {
        let bits = self.hot.word.load();
        if bits.is_plainly_closed() {
            return Ok(Ticket::new(bits.epoch()));
        }
        if let Some(until) = bits.open_until()
            && let left @ 1.. = until.saturating_sub(self.hot.ticks.nanos())
        {
            return Err(Refusal::new(left));
        }
        self.admit_slowly()
    }

    /// One load when the success changes nothing, as while no failure in a row is counted.
    #[inline(always)]
    fn succeed(&self, ticket: Ticket) {
        let bits = self.hot.word.peek();
        if bits.is_tallied_by_time() {
            self.settle_success_by_time(ticket);
        } else if !bits.is_free() {
            self.settle_success(ticket);
        }
    }

    fn settle(&self, ticket: Ticket, ended: Ended) {
        if ended.outcome == Outcome::Success {
            return self.succeed(ticket);
        }
        if ended.outcome != Outcome::Neutral || !self.hot.word.load().is_closed() {
            self.settle_slowly(ticket, ended);
        }
    }
}
