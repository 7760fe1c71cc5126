use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt};

use super::{
    Commit, Delivery, Handler,
    ledger::{Failure, Ledger, Position, STORE_PAUSE},
    measure,
    progress::Progress,
    systemic::Systemic,
};
use crate::{
    clock::WallClock,
    error::{Error, ErrorClass, ErrorKind, Result},
    event::log::Record,
    layers::retry::DurableSchedule,
};

/// What one delivery's journey needs, shared by those under way.
#[derive(Debug)]
pub(super) struct Settler {
    pub(super) ledger: Ledger,
    pub(super) handler: Handler,
    pub(super) handler_timeout: Duration,
    pub(super) schedule: DurableSchedule,
    pub(super) clock: Arc<dyn WallClock>,
    pub(super) progress: Mutex<Progress>,
    pub(super) systemic: Mutex<Systemic>,
    pub(super) shutdown: CancellationToken,
}

/// What to do with a record.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) record: Arc<Record>,
    pub(super) attempts: u32,
    pub(super) replayed: bool,
    /// From the waiting ones, not from the log.
    pub(super) redelivery: bool,
}

/// Which part of its journey a task makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Hands it to the handler.
    Handle,
    /// Puts it behind an earlier one of its key.
    HoldBack,
    /// Settles it as failed, because the task before broke off.
    GiveUp,
}

/// How it ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// Settled; whether another record of its key still waits.
    Settled { held: bool },
    /// Put aside: its key is held from now on.
    Parked,
    /// Not settled, because most records fail for good.
    Stop { reason: String },
    /// Not settled, because the group shall end while the store is away.
    Left,
}

/// A record is not tried again sooner, whatever the schedule says: each try costs a commit.
const LEAST_WAIT: Duration = Duration::from_millis(10);
/// What a refusal of our own waits when neither it nor the schedule says.
const UNASKED_WAIT: Duration = Duration::from_secs(5);
/// Which part of a breaker's hint is added at most.
const SPREAD: u32 = 10;
/// The longest pause between two looks at a store that is down.
const MOST_STORE_PAUSE: Duration = Duration::from_secs(30);

impl Settler {
    /// Goes on until the record is settled one way or another; a store that is away only delays it.
    pub(super) async fn settle(&self, task: &Task, step: Step) -> Ending {
        loop {
            let ending = match step {
                Step::Handle => self.attempt(task).await,
                Step::HoldBack => self.hold_back(task).await,
                Step::GiveUp => self.fail(task, &Error::new(ErrorKind::Internal, "the delivery broke off")).await,
            };
            match ending {
                Ok(ending) => return ending,
                Err(error) => {
                    tracing::error!(error = %error.chain(), group = %self.ledger.group, offset = task.record.offset,
                        "event could not be settled, the store is unavailable; trying again when it is back");
                    if !self.store_is_back().await {
                        return Ending::Left;
                    }
                }
            }
        }
    }

    /// Waits until the store takes a write: no partner is called again only to find that nothing can be recorded.
    /// `false` when the group shall end before.
    async fn store_is_back(&self) -> bool {
        let mut pause = STORE_PAUSE;
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return false,
                () = tokio::time::sleep(pause) => {}
            }
            if self.ledger.touch().await.is_ok() {
                return true;
            }
            pause = (pause * 2).min(MOST_STORE_PAUSE);
        }
    }

    async fn attempt(&self, task: &Task) -> Result<Ending> {
        match self.handle(task).await {
            Ok(commit) => self.complete(task, commit).await,
            Err(error) => self.fail(task, &error).await,
        }
    }

    /// Puts a record behind the earlier one of its key that waits.
    async fn hold_back(&self, task: &Task) -> Result<Ending> {
        let (now, at) = (self.clock.timestamp(), self.position(task));
        self.ledger.park(&task.record, at, now, Failure::held_back(now)).await?;
        self.done(task, at);
        Ok(Ending::Parked)
    }

    async fn handle(&self, task: &Task) -> Result<Commit> {
        let started = tokio::time::Instant::now();
        let delivery = Delivery {
            record: Arc::clone(&task.record),
            group: Arc::clone(&self.ledger.group),
            attempt: task.attempts,
            replayed: task.replayed,
        };
        let (mut handler, timeout) = (self.handler.clone(), self.handler_timeout);
        // The call that takes too long is dropped in here too: what it drops may panic.
        let call = async move {
            let call = async move { handler.ready().await?.call(delivery).await };
            tokio::time::timeout(timeout, call).await
        };
        let result = match AssertUnwindSafe(call).catch_unwind().await {
            Ok(Ok(result)) => result,
            Ok(Err(_elapsed)) => Err(Error::new(ErrorKind::Timeout, "the handler took too long")),
            Err(_panic) => Err(Error::new(ErrorKind::Internal, "the handler panicked")),
        };
        measure::processed(&task.record.topic, result.is_ok(), started.elapsed());
        result
    }

    /// `Err` only when the store failed; an error of the effects themselves, of whatever kind, is the handler's failure.
    async fn complete(&self, task: &Task, commit: Commit) -> Result<Ending> {
        let at = self.position(task);
        match self.ledger.complete(&task.record, at, commit).await? {
            Ok(settled) => {
                if !settled.first {
                    tracing::debug!(group = %self.ledger.group, event.id = %task.record.event_id,
                        "event was handled before, skipped");
                }
                self.systemic.lock().note(false);
                self.done(task, at);
                Ok(Ending::Settled { held: settled.held })
            }
            Err(error) => self.fail(task, &error).await,
        }
    }

    async fn fail(&self, task: &Task, error: &Error) -> Result<Ending> {
        match self.next_try(task, error) {
            Some((due_at, attempts)) => self.park(task, error, due_at, attempts).await,
            None if self.systemic.lock().stops_at_another() => Ok(Ending::Stop { reason: error.to_string() }),
            None => self.bury(task, error).await,
        }
    }

    /// When to try again, and as which attempt; never for what fails for good or too often.
    ///
    /// A refusal by our own breaker or limiter is no attempt: the partner was not asked.
    fn next_try(&self, task: &Task, error: &Error) -> Option<(Timestamp, u32)> {
        let class = error.kind().class();
        if class.is_final() {
            return None;
        }
        let (hint, now) = (error.retry_after(), self.clock.timestamp());
        // A partner's 429 carries its answer; a refusal without hint would be repeated for ever.
        let out_of_tokens = class == ErrorClass::Throttled && error.answer().is_none() && hint.is_some();
        let (due_at, attempts) = if class == ErrorClass::Open || out_of_tokens {
            (later(now, self.unasked(class, hint)), task.attempts)
        } else {
            let due_at = self.schedule.due(task.attempts, hint, now, fastrand::f64())?;
            (due_at, task.attempts.saturating_add(1))
        };
        Some((due_at.max(later(now, LEAST_WAIT)), attempts))
    }

    /// How long a refusal of our own waits: there is always another try.
    fn unasked(&self, class: ErrorClass, hint: Option<Duration>) -> Duration {
        let hint = hint.map(|hint| hint.min(self.schedule.max_retry_after));
        match (class, hint) {
            // Spread, for all that one breaker refuses would come back in the same moment.
            (ErrorClass::Open, Some(hint)) => hint.saturating_add((hint / SPREAD).mul_f64(fastrand::f64())),
            (_, hint) => {
                let delay = self.schedule.delay(0, fastrand::f64()).unwrap_or(UNASKED_WAIT);
                delay.max(hint.unwrap_or_default())
            }
        }
    }

    async fn park(&self, task: &Task, error: &Error, due_at: Timestamp, attempts: u32) -> Result<Ending> {
        let failure = Failure::new(error, attempts, self.clock.timestamp());
        let at = self.position(task);
        self.ledger.park(&task.record, at, due_at, failure).await?;
        self.systemic.lock().note(false);
        self.done(task, at);
        tracing::warn!(error = %error.chain(), group = %self.ledger.group, topic = %task.record.topic,
            correlation.id = task.record.headers.text("correlation-id"), attempts, due_at = %due_at,
            "event handling failed, will be tried again");
        Ok(Ending::Parked)
    }

    async fn bury(&self, task: &Task, error: &Error) -> Result<Ending> {
        let failure = Failure::new(error, task.attempts + 1, self.clock.timestamp());
        let at = self.position(task);
        let settled = self.ledger.bury(&task.record, at, failure).await?;
        self.systemic.lock().note(true);
        self.done(task, at);
        measure::dead_lettered(&self.ledger.group, error.kind().label());
        tracing::error!(error = %error.chain(), group = %self.ledger.group, topic = %task.record.topic,
            correlation.id = task.record.headers.text("correlation-id"), attempts = task.attempts + 1,
            "event handling failed for good, dead-lettered");
        Ok(Ending::Settled { held: settled.held })
    }

    fn position(&self, task: &Task) -> Position {
        if task.redelivery {
            Position::Redelivery
        } else {
            Position::Fresh { commit: self.progress.lock().after(task.record.offset) }
        }
    }

    fn done(&self, task: &Task, at: Position) {
        if let Position::Fresh { commit } = at {
            self.progress.lock().done(task.record.offset, commit);
        }
    }

    /// Commits what records that ended together left uncommitted.
    pub(super) async fn catch_up(&self) -> Result<()> {
        let Some(offset) = self.progress.lock().behind() else { return Ok(()) };
        self.ledger.advance(offset).await?;
        self.progress.lock().committed(offset);
        Ok(())
    }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}
