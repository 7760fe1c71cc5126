//! Refusals that still hold, so that nobody asks again what was answered (requirement R7), and pauses; pure.

use std::time::Duration;

use super::{
    Decision,
    passing::{Passes, Passing},
};
use crate::clock::nanos;

/// What was refused, by key, until it would be allowed.
#[derive(Debug)]
pub(super) struct Refusals {
    known: Passing<Refused>,
    /// Apart from what was refused, so that no answer ends a pause.
    pauses: Passing<Pause>,
    limit: u32,
}

#[derive(Debug)]
struct Refused {
    cost: u32,
    at: u64,
    until: u64,
    decision: Decision,
}

#[derive(Debug)]
struct Pause {
    until: u64,
}

impl Passes for Refused {
    fn is_over(&self, now: u64) -> bool {
        now >= self.until
    }
}

impl Passes for Pause {
    fn is_over(&self, now: u64) -> bool {
        now >= self.until
    }
}

impl Refusals {
    /// Of a limit of so many calls, for so many keys.
    pub(super) fn new(limit: u32, max_keys: usize) -> Self {
        Self { known: Passing::new(max_keys), pauses: Passing::new(max_keys), limit }
    }

    /// The refusal of a call in a pause, or that costs no less than one that was refused, told anew.
    pub(super) fn of(&self, key: &str, cost: u32, now: u64) -> Option<Decision> {
        let pause = self.pauses.get(key).filter(|pause| !pause.is_over(now));
        let refused = self.known.get(key).filter(|refused| cost >= refused.cost && !refused.is_over(now));
        match (pause, refused) {
            (Some(pause), refused) if refused.is_none_or(|refused| refused.until <= pause.until) => {
                let left = Duration::from_nanos(pause.until - now);
                let (limit, retry_after) = (self.limit, Some(left));
                Some(Decision { allowed: false, limit, remaining: 0, retry_after, reset_after: left })
            }
            (_, Some(refused)) => Some(refused.told(now)),
            (_, None) => None,
        }
    }

    /// Remembers a refusal that passes.
    pub(super) fn remember(&mut self, key: &str, cost: u32, now: u64, decision: Decision) {
        let (false, Some(wait), 1..) = (decision.allowed, decision.retry_after, cost) else {
            return;
        };
        let refused = Refused { cost, at: now, until: now.saturating_add(nanos(wait)), decision };
        match self.known.get_mut(key) {
            // What holds for a smaller cost says more.
            Some(known) if known.cost < cost && !known.is_over(now) => {}
            Some(known) => *known = refused,
            None => self.known.insert(key, refused, now),
        }
    }

    /// Forgets a refusal, since the key has tokens again; a pause lasts.
    pub(super) fn forget(&mut self, key: &str) {
        if let Some(refused) = self.known.get_mut(key) {
            refused.until = 0;
        }
    }

    /// Refuses whatever the key asks for a while; a shorter pause ends no longer one.
    pub(super) fn pause(&mut self, key: &str, now: u64, duration: Duration) {
        let until = now.saturating_add(nanos(duration));
        match self.pauses.get_mut(key) {
            Some(pause) => pause.until = pause.until.max(until),
            None => self.pauses.insert(key, Pause { until }, now),
        }
    }
}

impl Refused {
    fn told(&self, now: u64) -> Decision {
        let elapsed = Duration::from_nanos(now.saturating_sub(self.at));
        Decision {
            retry_after: self.decision.retry_after.map(|wait| wait.saturating_sub(elapsed)),
            reset_after: self.decision.reset_after.saturating_sub(elapsed),
            ..self.decision
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn refusal(seconds: u64) -> Decision {
        let wait = Duration::from_secs(seconds);
        Decision { allowed: false, limit: 9, remaining: 0, retry_after: Some(wait), reset_after: 2 * wait }
    }

    #[test]
    fn a_refusal_holds_for_what_costs_no_less_until_it_passes() {
        let mut refusals = Refusals::new(9, 10);
        refusals.remember("acme", 3, 0, refusal(10));
        assert_eq!(
            refusals.of("acme", 3, 4 * SECOND),
            Some(Decision { reset_after: Duration::from_secs(16), ..refusal(6) })
        );
        assert_eq!(refusals.of("acme", 2, 0), None);
        assert_eq!(refusals.of("acme", 3, 10 * SECOND), None);
        assert_eq!(refusals.of("globex", 3, 0), None);
    }

    #[test]
    fn a_refusal_gives_way_to_a_newer_one_unless_it_was_of_a_smaller_cost() {
        let mut refusals = Refusals::new(9, 10);
        let wait = |refusals: &Refusals, cost, now| refusals.of("acme", cost, now).and_then(|told| told.retry_after);
        refusals.remember("acme", 3, 0, refusal(10));
        refusals.remember("acme", 3, SECOND, refusal(20));
        assert_eq!(wait(&refusals, 3, SECOND), Some(Duration::from_secs(20)), "as dear");
        refusals.remember("acme", 4, SECOND, refusal(30));
        assert_eq!([3, 4].map(|cost| wait(&refusals, cost, SECOND)), [Some(Duration::from_secs(20)); 2], "dearer");
        refusals.remember("acme", 4, 21 * SECOND, refusal(5));
        assert_eq!(wait(&refusals, 4, 21 * SECOND), Some(Duration::from_secs(5)), "dearer, but the other is over");
        refusals.remember("acme", 2, 21 * SECOND, refusal(1));
        assert_eq!(wait(&refusals, 2, 21 * SECOND), Some(Duration::from_secs(1)), "cheaper");
    }

    #[test]
    fn what_is_for_ever_or_only_a_look_is_not_remembered() {
        let mut refusals = Refusals::new(9, 10);
        refusals.remember("acme", 3, 0, Decision { retry_after: None, ..refusal(1) });
        refusals.remember("acme", 0, 0, refusal(1));
        assert_eq!(refusals.of("acme", 3, 0), None);
    }

    #[test]
    fn a_pause_is_ended_by_nothing_and_hides_no_longer_refusal() {
        let mut refusals = Refusals::new(9, 1);
        let wait = |refusals: &Refusals, cost| refusals.of("acme", cost, 0).and_then(|told| told.retry_after);
        refusals.pause("acme", 0, Duration::from_secs(5));
        refusals.pause("acme", 0, Duration::from_secs(1));
        refusals.remember("globex", 1, 0, refusal(9));
        assert_eq!(wait(&refusals, 0), Some(Duration::from_secs(5)));
        refusals.remember("acme", 2, 0, refusal(8));
        assert_eq!([1, 2].map(|cost| wait(&refusals, cost)), [5, 8].map(|wait| Some(Duration::from_secs(wait))));
        refusals.forget("acme");
        assert_eq!(wait(&refusals, 2), Some(Duration::from_secs(5)));
    }

    #[test]
    fn it_stays_small() {
        let mut refusals = Refusals::new(9, 1_000);
        for n in 0..100_000_u64 {
            refusals.remember(&n.to_string(), 1, n * SECOND / 10, refusal(1));
            assert!(refusals.known.len() <= 64);
        }
        for n in 0..100_000_u64 {
            refusals.remember(&n.to_string(), 1, 0, refusal(1));
        }
        assert_eq!(refusals.known.len(), 1_000);
    }
}
