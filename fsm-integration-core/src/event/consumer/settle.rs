use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use jiff::Timestamp;
use parking_lot::Mutex;
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
}

/// What to do with a record.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) record: Arc<Record>,
    pub(super) attempts: u32,
    pub(super) replayed: bool,
    /// From the waiting ones, not from the log.
    pub(super) redelivery: bool,
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
}

/// A record is not tried again sooner, whatever the schedule says: each try costs a commit.
const LEAST_WAIT: Duration = Duration::from_millis(10);
/// How much of a breaker's hint is added at most.
const SPREAD: f64 = 0.1;
/// The longest pause between two looks at a store that is down.
const MOST_STORE_PAUSE: Duration = Duration::from_secs(30);

impl Settler {
    /// Hands the record over until it is settled one way or another; a store that is down only delays it.
    pub(super) async fn settle(&self, task: &Task) -> Ending {
        loop {
            let ending = match self.handle(task).await {
                Ok(commit) => self.complete(task, commit).await,
                Err(error) => self.fail(task, &error).await,
            };
            match ending {
                Ok(ending) => return ending,
                Err(error) => {
                    tracing::error!(error = %error.chain(), group = %self.ledger.group, offset = task.record.offset,
                        "event could not be settled, the store is unavailable; trying again when it is back");
                    self.store_is_back().await;
                }
            }
        }
    }

    /// Waits until the store takes a write: no partner is called again only to find that nothing can be recorded.
    async fn store_is_back(&self) {
        let mut pause = STORE_PAUSE;
        loop {
            tokio::time::sleep(pause).await;
            if self.ledger.touch().await.is_ok() {
                return;
            }
            pause = (pause * 2).min(MOST_STORE_PAUSE);
        }
    }

    /// Puts a record behind the earlier one of its key that waits.
    pub(super) async fn hold_back(&self, task: &Task) -> Ending {
        let now = self.clock.timestamp();
        let mut at = self.position(task);
        while let Err(error) = self.ledger.park(&task.record, at, now, Failure::held_back(now)).await {
            tracing::error!(error = %error.chain(), group = %self.ledger.group, "event could not be put aside; trying again");
            tokio::time::sleep(STORE_PAUSE).await;
            at = self.position(task);
        }
        self.done(task, at);
        Ending::Parked
    }

    async fn handle(&self, task: &Task) -> Result<Commit> {
        let started = tokio::time::Instant::now();
        let delivery = Delivery {
            record: Arc::clone(&task.record),
            group: Arc::clone(&self.ledger.group),
            attempt: task.attempts,
            replayed: task.replayed,
        };
        let mut handler = self.handler.clone();
        let call = AssertUnwindSafe(async move { handler.ready().await?.call(delivery).await }).catch_unwind();
        let result = match tokio::time::timeout(self.handler_timeout, call).await {
            Ok(Ok(result)) => result,
            Ok(Err(_panic)) => Err(Error::new(ErrorKind::Internal, "the handler panicked")),
            Err(_elapsed) => Err(Error::new(ErrorKind::Timeout, "the handler took too long")),
        };
        measure::processed(&task.record.topic, result.is_ok(), started.elapsed());
        result
    }

    /// `Err` only when the store failed; an error of the effects themselves is the handler's failure.
    async fn complete(&self, task: &Task, commit: Commit) -> Result<Ending> {
        let at = self.position(task);
        match self.ledger.complete(&task.record, at, commit).await {
            Ok(settled) => {
                if !settled.first {
                    tracing::debug!(group = %self.ledger.group, event.id = %task.record.event_id,
                        "event was handled before, skipped");
                }
                self.systemic.lock().note(false);
                self.done(task, at);
                Ok(Ending::Settled { held: settled.held })
            }
            Err(error) if error.kind() == ErrorKind::Unavailable => Err(error),
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
        let hint = error.retry_after();
        // A partner's 429 carries its answer; a refusal without hint would be repeated for ever.
        let out_of_tokens = class == ErrorClass::Throttled && error.answer().is_none() && hint.is_some();
        let asked = class != ErrorClass::Open && !out_of_tokens;
        let attempts = task.attempts + u32::from(asked);
        let step = if asked { attempts.saturating_sub(1) } else { 0 };
        let delay = self.schedule.delay(step, fastrand::f64())?;
        let wait = match (class, hint) {
            // Spread, for all that one breaker refuses would come back in the same moment.
            (ErrorClass::Open, Some(hint)) => hint.max(LEAST_WAIT).mul_f64(1.0 + SPREAD * fastrand::f64()),
            (_, hint) => delay.max(hint.unwrap_or_default()).max(LEAST_WAIT),
        };
        let due_at = self.clock.timestamp().checked_add(wait).unwrap_or(Timestamp::MAX);
        Some((due_at, attempts))
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
