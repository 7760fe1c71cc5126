use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{CircuitBreakerConfig, Outcome, model::Model, word::View};
use crate::{error::CircuitOpen, observe::CircuitState};

/// Who decides about a breaker's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Control {
    /// The breaker, from results.
    Automatic,
    /// An operator: every call is refused.
    ForcedOpen,
    /// An operator: every call is made and nothing is counted.
    Disabled,
}

/// What a breaker was at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitSnapshot {
    /// The breaker's name.
    pub name: Arc<str>,
    /// What it does with a call.
    pub state: CircuitState,
    /// Who decides.
    pub control: Control,
    /// Failures counted while closed.
    pub failures: u32,
    /// Probes under way.
    pub probes: u32,
    /// How often it opened since it was made.
    pub opened: u64,
    /// How long until a probe is let through, while open and automatic.
    pub retry_after: Option<Duration>,
}

/// How soon to ask again while a probe is under way: its result is usually there by then.
const PROBE_HINT: Duration = Duration::from_secs(1);

/// As good as never, and still an instant that can be computed.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// The breaker as a pure machine: time and results come in, decisions go out.
///
/// Every change of phase begins a new epoch; a result of an earlier one changes nothing (requirement E12).
#[derive(Debug, Clone)]
pub(super) struct Machine {
    config: CircuitBreakerConfig,
    model: Model,
    phase: Phase,
    pub(super) epoch: u64,
    opened: u64,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Closed,
    Open {
        until: Instant,
    },
    HalfOpen {
        probes: u32,
        successes: u32,
        /// When a probe last began after none, or ended.
        progress: Instant,
    },
    ForcedOpen,
    Disabled,
}

impl Machine {
    pub(super) fn new(config: CircuitBreakerConfig) -> Self {
        Self { model: Model::new(&config), config, phase: Phase::Closed, epoch: 0, opened: 0 }
    }

    /// Decides about a call; the epoch comes back with its result.
    pub(super) fn admit(&mut self, now: Instant) -> Result<u64, CircuitOpen> {
        match self.phase {
            Phase::Closed | Phase::Disabled => {}
            Phase::ForcedOpen => return Err(CircuitOpen { retry_after: None }),
            Phase::Open { until } if now < until => return Err(CircuitOpen { retry_after: Some(until - now) }),
            Phase::Open { .. } => self.enter(Phase::HalfOpen { probes: 1, successes: 0, progress: now }),
            Phase::HalfOpen { .. } => self.admit_probe(now)?,
        }
        Ok(self.epoch)
    }

    fn admit_probe(&mut self, now: Instant) -> Result<(), CircuitOpen> {
        let Phase::HalfOpen { probes, successes, progress } = &mut self.phase else { return Ok(()) };
        let left = self.config.half_open_timeout.saturating_sub(now.saturating_duration_since(*progress));
        if *probes > 0 && left.is_zero() {
            self.trip(now);
            return Err(CircuitOpen { retry_after: Some(self.config.reset_timeout) });
        }
        let missing = self.config.success_threshold.max(1) - *successes;
        if *probes >= self.config.half_open_max_calls.clamp(1, missing) {
            return Err(CircuitOpen { retry_after: Some(left.min(PROBE_HINT)) });
        }
        if *probes == 0 {
            *progress = now;
        }
        *probes += 1;
        Ok(())
    }

    /// Counts how a call of the epoch ended.
    pub(super) fn record(&mut self, epoch: u64, outcome: Outcome, now: Instant) {
        if epoch != self.epoch {
            return;
        }
        let success = match outcome {
            Outcome::Success => Some(true),
            Outcome::Failure => Some(false),
            Outcome::Cancelled if self.config.count_cancelled => Some(false),
            Outcome::Cancelled | Outcome::Neutral => None,
        };
        match (self.phase, success) {
            (Phase::Closed, Some(success)) => {
                if self.model.record(success) {
                    self.trip(now);
                }
            }
            (Phase::HalfOpen { .. }, Some(false)) => self.trip(now),
            (Phase::HalfOpen { .. }, success) => self.end_probe(success.is_some(), now),
            // Open and forced open admit nothing; disabled and closed without a verdict count nothing.
            (Phase::Closed | Phase::Open { .. } | Phase::ForcedOpen | Phase::Disabled, _) => {}
        }
    }

    fn end_probe(&mut self, success: bool, now: Instant) {
        let Phase::HalfOpen { probes, successes, progress } = &mut self.phase else { return };
        *probes -= 1;
        *successes += u32::from(success);
        *progress = now;
        if *successes >= self.config.success_threshold.max(1) {
            self.enter(Phase::Closed);
        }
    }

    fn trip(&mut self, now: Instant) {
        let until = now.checked_add(self.config.reset_timeout.min(FAR)).unwrap_or(now);
        self.opened += 1;
        self.enter(Phase::Open { until });
    }

    /// Obeys an operator.
    pub(super) fn control(&mut self, control: Control) {
        self.enter(match control {
            Control::Automatic => Phase::Closed,
            Control::ForcedOpen => Phase::ForcedOpen,
            Control::Disabled => Phase::Disabled,
        });
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.epoch += 1;
        self.model.clear();
    }

    /// What the path of a call needs to know.
    pub(super) fn view(&self) -> View {
        match self.phase {
            Phase::Closed | Phase::Disabled => View::Closed { epoch: self.epoch, clean: self.model.is_clean() },
            Phase::Open { until } => View::Open { until },
            Phase::HalfOpen { .. } => View::HalfOpen,
            Phase::ForcedOpen => View::ForcedOpen,
        }
    }

    pub(super) fn snapshot(&self, name: &Arc<str>, now: Instant) -> CircuitSnapshot {
        CircuitSnapshot {
            name: Arc::clone(name),
            state: self.view().state(),
            control: match self.phase {
                Phase::ForcedOpen => Control::ForcedOpen,
                Phase::Disabled => Control::Disabled,
                Phase::Closed | Phase::Open { .. } | Phase::HalfOpen { .. } => Control::Automatic,
            },
            failures: self.model.failures(),
            probes: if let Phase::HalfOpen { probes, .. } = self.phase { probes } else { 0 },
            opened: self.opened,
            retry_after: match self.phase {
                Phase::Open { until } => Some(until.saturating_duration_since(now)),
                _ => None,
            },
        }
    }
}
