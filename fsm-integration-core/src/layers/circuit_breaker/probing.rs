use std::time::Duration;

use super::{
    CircuitBreakerConfig,
    figures::{Counted, Figures, reaches},
};
use crate::clock::nanos;

/// How soon to ask again while a probe is under way: its result is usually there by then.
const PROBE_HINT: Duration = Duration::from_secs(1);

/// The probes of one half-open while.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Probing {
    under_way: u32,
    /// Those that ended with a result that counts.
    ended: Figures,
    /// Since when nothing was learnt while probes were made: since the first probe after the last result that counts,
    /// or since that result where others were under way.
    waits_since: Option<u64>,
}

/// What becomes of a call that asks to be a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Admitted,
    /// Ask again in so long.
    Full(Duration),
    /// The probes had their time, which was over then, and told nothing.
    Over(u64),
}

/// What the probes so far say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    Close,
    Open,
    Undecided,
}

impl Probing {
    pub(super) fn under_way(&self) -> u32 {
        self.under_way
    }

    pub(super) fn figures(&self) -> Figures {
        self.ended
    }

    pub(super) fn ask(&mut self, config: &CircuitBreakerConfig, now: u64) -> Asked {
        let time = nanos(config.half_open_timeout);
        if let Some(over) = self.waits_since.map(|since| since.saturating_add(time))
            && now >= over
        {
            return Asked::Over(over);
        }
        let since = *self.waits_since.get_or_insert(now);
        let missing = u64::from(config.judged_probes()).saturating_sub(self.ended.calls).max(1);
        if u64::from(self.under_way) >= u64::from(config.half_open_max_calls).clamp(1, missing) {
            return Asked::Full(Duration::from_nanos(time.saturating_sub(now.saturating_sub(since))).min(PROBE_HINT));
        }
        self.under_way += 1;
        Asked::Admitted
    }

    /// Takes a probe back, with its result if that counts.
    pub(super) fn end(&mut self, counted: Option<Counted>, now: u64) {
        self.under_way -= 1;
        if let Some(counted) = counted {
            self.ended.add(counted);
            self.waits_since = (self.under_way > 0).then_some(now);
        }
    }

    /// Judges over all the probes that are asked for, as soon as the rest cannot change it.
    pub(super) fn judge(&self, config: &CircuitBreakerConfig) -> Judgement {
        let Figures { calls, failures, slow } = self.ended;
        let judged = u64::from(config.judged_probes());
        let failed = reaches(failures, judged, config.half_open_failure_rate.unwrap_or(0.0));
        if failed || reaches(slow, judged, config.slow_call_rate) {
            Judgement::Open
        } else if calls >= judged {
            Judgement::Close
        } else {
            Judgement::Undecided
        }
    }
}
