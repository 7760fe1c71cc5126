//! Refusals that still hold, so that nobody asks again what was answered (requirement R7); pure.

use std::{sync::Arc, time::Duration};

use hashbrown::HashMap;

use super::Decision;
use crate::clock::nanos;

/// Below this many keys a sweep is not worth its time.
const SMALL: usize = 64;

/// What was refused, by key, until it would be allowed.
#[derive(Debug)]
pub(super) struct Refusals {
    known: HashMap<Arc<str>, Refused>,
    max_keys: usize,
    /// The number of keys at which to look for those that are over: twice what the last sweep left.
    sweep_at: usize,
}

#[derive(Debug)]
struct Refused {
    cost: u32,
    at: u64,
    until: u64,
    decision: Decision,
}

impl Refusals {
    pub(super) fn new(max_keys: usize) -> Self {
        Self { known: HashMap::new(), max_keys, sweep_at: SMALL }
    }

    /// The refusal of a call that costs no less than one that was refused, told anew.
    pub(super) fn of(&self, key: &str, cost: u32, now: u64) -> Option<Decision> {
        let refused = self.known.get(key).filter(|refused| cost >= refused.cost && now < refused.until)?;
        let elapsed = Duration::from_nanos(now.saturating_sub(refused.at));
        Some(Decision {
            retry_after: refused.decision.retry_after.map(|wait| wait.saturating_sub(elapsed)),
            reset_after: refused.decision.reset_after.saturating_sub(elapsed),
            ..refused.decision
        })
    }

    /// Remembers a refusal that passes; forgets what is over when there are many.
    pub(super) fn remember(&mut self, key: &str, cost: u32, now: u64, decision: Decision) {
        let (false, Some(wait), 1..) = (decision.allowed, decision.retry_after, cost) else {
            return;
        };
        if self.known.len() >= self.sweep_at.min(self.max_keys) {
            self.known.retain(|_, refused| now < refused.until);
            self.sweep_at = (2 * self.known.len()).max(SMALL);
            self.known.shrink_to(self.sweep_at);
        }
        let until = now.saturating_add(nanos(wait));
        let has_room = self.known.len() < self.max_keys;
        let refused = Refused { cost, at: now, until, decision };
        match self.known.get_mut(key) {
            // What holds for a smaller cost says more.
            Some(known) if known.cost < cost && now < known.until => {}
            Some(known) => *known = refused,
            None if has_room => _ = self.known.insert(key.into(), refused),
            None => {}
        }
    }

    /// Forgets a refusal, since the key has tokens again.
    pub(super) fn forget(&mut self, key: &str) {
        self.known.remove(key);
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
        let mut refusals = Refusals::new(10);
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
    fn what_is_for_ever_or_only_a_look_is_not_remembered() {
        let mut refusals = Refusals::new(10);
        refusals.remember("acme", 3, 0, Decision { retry_after: None, ..refusal(1) });
        refusals.remember("acme", 0, 0, refusal(1));
        assert_eq!(refusals.of("acme", 3, 0), None);
    }

    #[test]
    fn it_stays_small() {
        let mut refusals = Refusals::new(1_000);
        for n in 0..100_000_u64 {
            refusals.remember(&n.to_string(), 1, n * SECOND / 10, refusal(1));
            assert!(refusals.known.len() <= SMALL);
        }
        for n in 0..100_000_u64 {
            refusals.remember(&n.to_string(), 1, 0, refusal(1));
        }
        assert_eq!(refusals.known.len(), 1_000);
    }
}
