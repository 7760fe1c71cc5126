use std::{sync::Arc, time::Duration};

use super::{
    CircuitBreakerConfig, CircuitSnapshot, Control, Outcome,
    figures::{Counted, Figures},
    model::Model,
    probing::{Asked, Judgement, Probing},
    ticket::Ticket,
    wait::open_wait,
    word::{EPOCHS, Pace, Phased, View},
};
use crate::{clock::nanos, error::CircuitOpen, observe::CircuitState};

/// The present, as the machine sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// Nanoseconds since some beginning; never less than the last.
    pub(super) now: u64,
    /// Random, from 0 to below 1, for what is scattered.
    pub(super) dice: f64,
}

/// How a call ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    /// What a failure's sender asked for.
    pub(super) retry_after: Option<Duration>,
}

impl From<Outcome> for Ended {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, retry_after: None }
    }
}

/// What is lost when a breaker is forgotten and made anew; the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Loss {
    /// Successes at most.
    Nothing,
    /// Failures that have not opened it.
    Failures,
    /// That it was open, though a probe would be let through by now.
    Caution,
}

/// The breaker as a pure machine: time and results come in, decisions go out.
///
/// Every change of phase begins a new epoch; a result of an earlier one changes nothing (requirement E12).
#[derive(Debug, Clone)]
pub(super) struct Machine {
    config: CircuitBreakerConfig,
    model: Model,
    phase: Phase,
    epoch: u32,
    /// Only tells what it would refuse.
    shadow: bool,
    /// Openings without a stable while between.
    again: u32,
    opened: u64,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Closed { since: u64 },
    Open { until: u64 },
    HalfOpen(Probing),
    ForcedOpen,
    Disabled,
}

impl Machine {
    pub(super) fn new(config: CircuitBreakerConfig, now: u64) -> Self {
        let (model, phase) = (Model::new(&config, now), Phase::Closed { since: now });
        Self { config, model, phase, epoch: 0, shadow: false, again: 0, opened: 0 }
    }

    /// Takes over plain successes of the present epoch that were tallied beside it, then lets time pass.
    pub(super) fn catch_up(&mut self, successes: u64, at: Moment) {
        if let Phase::Closed { .. } = self.phase {
            self.model.absorb(successes);
            if successes > 0 && self.model.must_open(&self.config) {
                self.trip(at, None);
            }
            self.model.advance(at.now);
        }
    }

    /// Decides about a call.
    pub(super) fn admit(&mut self, at: Moment) -> Result<Ticket, CircuitOpen> {
        match self.phase {
            Phase::Closed { .. } | Phase::Disabled => {}
            Phase::ForcedOpen => return Err(CircuitOpen { retry_after: None }),
            Phase::Open { until } if at.now < until => return Err(refusal(until - at.now)),
            Phase::Open { .. } => {
                self.enter(Phase::HalfOpen(Probing::default()), at.now);
                return self.admit(at);
            }
            Phase::HalfOpen(ref mut probing) => match probing.ask(&self.config, at.now) {
                Asked::Admitted => {}
                Asked::Full(hint) => return Err(CircuitOpen { retry_after: Some(hint) }),
                Asked::Over(over) => {
                    // As if a timer had done it: whoever comes long after that finds the wait over as well.
                    self.trip(Moment { now: over, ..at }, None);
                    return self.admit(at);
                }
            },
        }
        Ok(if self.is_timed() { Ticket::timed(self.epoch, at.now) } else { Ticket::new(self.epoch) })
    }

    /// Counts how a call ended.
    pub(super) fn record(&mut self, ticket: Ticket, ended: Ended, at: Moment) {
        if ticket.epoch() != self.epoch {
            return;
        }
        let counted = self.counted(ticket, ended.outcome, at.now);
        match (&mut self.phase, counted) {
            (Phase::Closed { .. }, Some(counted)) => {
                self.model.record(counted);
                if self.model.must_open(&self.config) {
                    self.trip(at, ended.retry_after);
                }
            }
            (Phase::HalfOpen(probing), counted) => {
                probing.end(counted, at.now);
                match probing.judge(&self.config) {
                    Judgement::Open => self.trip(at, ended.retry_after),
                    Judgement::Close => self.enter(Phase::Closed { since: at.now }, at.now),
                    Judgement::Undecided => {}
                }
            }
            // Open and forced open admit nothing; disabled and closed without a verdict count nothing.
            (Phase::Closed { .. } | Phase::Open { .. } | Phase::ForcedOpen | Phase::Disabled, _) => {}
        }
    }

    /// What a result means, if it means anything.
    fn counted(&self, ticket: Ticket, outcome: Outcome, now: u64) -> Option<Counted> {
        let failed = match outcome {
            Outcome::Success => false,
            Outcome::Failure => true,
            Outcome::Cancelled if self.config.count_cancelled => true,
            Outcome::Cancelled | Outcome::Neutral => return None,
        };
        let slow = self.config.slow_nanos().zip(ticket.took(now)).is_some_and(|(slow, took)| took >= slow);
        Some(Counted { failed, slow })
    }

    fn trip(&mut self, at: Moment, retry_after: Option<Duration>) {
        if let Phase::Closed { since } = self.phase
            && at.now.saturating_sub(since) >= nanos(self.config.stable_after)
        {
            self.again = 0;
        }
        let wait = open_wait(&self.config, self.again, at.dice, retry_after);
        self.again = self.again.saturating_add(1);
        self.opened += 1;
        self.enter(Phase::Open { until: at.now.saturating_add(nanos(wait)) }, at.now);
    }

    /// Obeys an operator.
    pub(super) fn control(&mut self, control: Control, now: u64) {
        self.shadow = control == Control::MetricsOnly;
        self.again = 0;
        let phase = match control {
            Control::Automatic | Control::MetricsOnly => Phase::Closed { since: now },
            Control::ForcedOpen => Phase::ForcedOpen,
            Control::Disabled => Phase::Disabled,
        };
        self.enter(phase, now);
    }

    /// Goes on under other settings; a model of the same kind keeps what it counted.
    pub(super) fn reconfigure(&mut self, config: CircuitBreakerConfig, now: u64) {
        self.config = config;
        let kept = self.model.reconfigure(&config, now);
        if let (false, Phase::Closed { .. }) = (kept, self.phase) {
            // What was tallied for the other model is not this one's.
            self.begin_epoch();
        }
    }

    fn enter(&mut self, phase: Phase, now: u64) {
        self.phase = phase;
        self.begin_epoch();
        self.model.clear(now);
    }

    fn begin_epoch(&mut self) {
        self.epoch = (self.epoch + 1) % EPOCHS;
    }

    pub(super) fn config(&self) -> &CircuitBreakerConfig {
        &self.config
    }

    pub(super) fn epoch(&self) -> u32 {
        self.epoch
    }

    pub(super) fn is_shadow(&self) -> bool {
        self.shadow
    }

    fn is_timed(&self) -> bool {
        self.config.slow_nanos().is_some()
    }

    pub(super) fn bucket_end(&self) -> u64 {
        self.model.bucket_end()
    }

    /// Whether even a success could open it.
    pub(super) fn judges_successes(&self) -> bool {
        matches!(self.view().phased, Phased::Closed { pace: Pace::Judged, .. })
    }

    /// What it does with a call.
    pub(super) fn state(&self) -> CircuitState {
        self.view().state()
    }

    /// What the path of a call needs to know.
    pub(super) fn view(&self) -> View {
        let phased = match self.phase {
            Phase::Closed { .. } => Phased::Closed { epoch: self.epoch, pace: self.model.pace(&self.config) },
            Phase::Disabled => Phased::Closed { epoch: self.epoch, pace: Pace::Free },
            Phase::Open { until } => Phased::Open { until },
            Phase::HalfOpen(_) => Phased::HalfOpen,
            Phase::ForcedOpen => Phased::ForcedOpen,
        };
        View { phased, timed: self.is_timed(), shadow: self.shadow, told: false }
    }

    /// What would be lost with it; `None` when it decides something that must not be forgotten.
    pub(super) fn loss(&self, now: u64) -> Option<Loss> {
        match self.phase {
            _ if self.shadow => None,
            Phase::Closed { .. } if self.model.figures().is_clean() => Some(Loss::Nothing),
            Phase::Closed { .. } => Some(Loss::Failures),
            Phase::Open { until } => (until <= now).then_some(Loss::Caution),
            Phase::HalfOpen(probing) => (probing.under_way() == 0).then_some(Loss::Caution),
            Phase::ForcedOpen | Phase::Disabled => None,
        }
    }

    fn control_now(&self) -> Control {
        match self.phase {
            Phase::ForcedOpen => Control::ForcedOpen,
            Phase::Disabled => Control::Disabled,
            _ if self.shadow => Control::MetricsOnly,
            _ => Control::Automatic,
        }
    }

    pub(super) fn snapshot(&self, name: &Arc<str>, now: u64) -> CircuitSnapshot {
        let (figures, probes) = match self.phase {
            Phase::Closed { .. } => (self.model.figures(), 0),
            Phase::HalfOpen(probing) => (probing.figures(), probing.under_way()),
            Phase::Open { .. } | Phase::ForcedOpen | Phase::Disabled => (Figures::default(), 0),
        };
        let retry_after = if let Phase::Open { until } = self.phase { Some(until.saturating_sub(now)) } else { None };
        CircuitSnapshot {
            name: Arc::clone(name),
            state: self.state(),
            verdict: View { shadow: false, ..self.view() }.state(),
            control: self.control_now(),
            calls: figures.calls,
            failures: figures.failures,
            slow: figures.slow,
            probes,
            opened: self.opened,
            retry_after: retry_after.map(Duration::from_nanos),
        }
    }
}

fn refusal(left: u64) -> CircuitOpen {
    CircuitOpen { retry_after: Some(Duration::from_nanos(left)) }
}
