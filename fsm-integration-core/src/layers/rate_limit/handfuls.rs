//! What is in hand of a store's tokens, by key, and who waits for more of them; pure.

use std::sync::Arc;

use hashbrown::HashMap;

use super::{
    Decision,
    passing::{Passes, Passing},
};

/// Room for so many keys at a time that calls wait for is kept when none does.
const MOST_FLIGHTS: usize = 64;

/// Tokens by key, and the calls that found too few; `T` lets one of them after the other ask the store.
#[derive(Debug)]
pub(super) struct Handfuls<T> {
    held: Passing<Held>,
    flights: HashMap<Arc<str>, Flight<T>>,
    /// Most that is kept of a key.
    tokens: u32,
    /// For how long.
    idle: u64,
}

/// What is in hand for a key.
#[derive(Debug)]
struct Held {
    tokens: u32,
    /// What the store said with them.
    decision: Decision,
    until: u64,
    /// Until then calls take what they need: the store had no handful.
    scarce_until: u64,
}

/// The calls that want tokens of the same key at the same time: one after the other asks the store, for all.
#[derive(Debug, Default)]
struct Flight<T> {
    turn: T,
    calls: usize,
    /// What they cost together.
    wanted: u64,
    /// Each asks for itself: the store could not serve one of them.
    is_over: bool,
}

impl Passes for Held {
    fn is_over(&self, now: u64) -> bool {
        self.in_hand(now) == 0 && now >= self.scarce_until
    }
}

impl Held {
    fn in_hand(&self, now: u64) -> u32 {
        if now < self.until { self.tokens } else { 0 }
    }
}

impl<T: Clone + Default> Handfuls<T> {
    pub(super) fn new(tokens: u32, idle: u64, max_keys: usize) -> Self {
        Self { held: Passing::new(max_keys), flights: HashMap::new(), tokens, idle }
    }

    /// Spends what is in hand, if it is enough.
    pub(super) fn spend(&mut self, key: &str, cost: u32, now: u64) -> Option<Decision> {
        let held = self.held.get_mut(key).filter(|held| held.in_hand(now) >= cost)?;
        held.tokens -= cost;
        Some(Decision { remaining: held.decision.remaining.saturating_add(held.tokens), ..held.decision })
    }

    /// Spends what is in hand, as far as it goes; what is left to pay.
    pub(super) fn charge(&mut self, key: &str, cost: u32, now: u64) -> u32 {
        let Some(held) = self.held.get_mut(key) else { return cost };
        let spent = held.in_hand(now).min(cost);
        held.tokens -= spent;
        cost - spent
    }

    /// Joins those who want more of the key; `None` when a handful could not be kept, or the store has none.
    pub(super) fn join(&mut self, key: &str, cost: u32, now: u64) -> Option<T> {
        let may_be_kept = match self.held.get(key) {
            Some(held) => now >= held.scarce_until,
            None => self.held.make_room(now),
        };
        if cost >= self.tokens || !may_be_kept {
            return None;
        }
        let flight = self.flights.entry_ref(key).or_default();
        flight.calls += 1;
        flight.wanted += u64::from(cost);
        Some(flight.turn.clone())
    }

    /// Leaves them, served or not. What was brought for those who went away is not kept beyond a handful.
    pub(super) fn leave(&mut self, key: &str, cost: u32) {
        let Some(flight) = self.flights.get_mut(key) else { return };
        flight.calls -= 1;
        flight.wanted -= u64::from(cost);
        if flight.calls == 0 {
            self.flights.remove(key);
            if self.flights.is_empty() && self.flights.capacity() > MOST_FLIGHTS {
                self.flights.shrink_to(MOST_FLIGHTS);
            }
            if let Some(held) = self.held.get_mut(key) {
                held.tokens = held.tokens.min(self.tokens);
            }
        }
    }

    /// How much to ask the store for: a handful, or what all want if the store has as much; `None` when each asks for
    /// itself.
    pub(super) fn ask(&self, key: &str, now: u64) -> Option<u32> {
        let flight = self.flights.get(key).filter(|flight| !flight.is_over)?;
        let there = self.held.get(key).map_or(0, |held| if now < held.until { held.decision.remaining } else { 0 });
        let most = there.max(self.tokens);
        Some(u32::try_from(flight.wanted).unwrap_or(u32::MAX).clamp(self.tokens, most))
    }

    /// Puts what is left of what the store gave in hand; without room it is forgotten, which errs on the safe side.
    pub(super) fn keep(&mut self, key: &str, left: u32, decision: Decision, now: u64) {
        let until = now.saturating_add(self.idle);
        if let Some(held) = self.held.get_mut(key) {
            // What was in hand for too long is forgotten.
            held.tokens = held.in_hand(now).saturating_add(left);
            (held.decision, held.until) = (decision, until);
        } else if self.held.make_room(now) {
            self.held.insert(key, Held { tokens: left, decision, until, scarce_until: 0 }, now);
        }
    }

    /// The store has no handful: for a while each takes what it needs.
    pub(super) fn is_scarce(&mut self, key: &str, decision: Decision, now: u64) {
        let scarce_until = now.saturating_add(self.idle);
        self.disband(key);
        if let Some(held) = self.held.get_mut(key) {
            held.scarce_until = scarce_until;
        } else if self.held.make_room(now) {
            self.held.insert(key, Held { tokens: 0, decision, until: 0, scarce_until }, now);
        }
    }

    /// Lets each of those who want more ask for itself.
    pub(super) fn disband(&mut self, key: &str) {
        if let Some(flight) = self.flights.get_mut(key) {
            flight.is_over = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn decision(remaining: u32) -> Decision {
        Decision { allowed: true, limit: 100, remaining, retry_after: None, reset_after: Duration::ZERO }
    }

    #[test]
    fn who_wants_more_is_brought_it_and_nothing_is_kept_beyond_a_handful() {
        let mut handfuls = Handfuls::<()>::new(8, 10, 10);
        handfuls.keep("acme", 1, decision(50), 0);
        (0..20).for_each(|_| assert!(handfuls.join("acme", 2, 0).is_some()));
        assert_eq!(handfuls.ask("acme", 0), Some(40));
        handfuls.keep("acme", 38, decision(10), 0);
        assert_eq!(handfuls.spend("acme", 2, 0).map(|told| told.remaining), Some(10 + 37));
        (0..19).for_each(|_| handfuls.leave("acme", 2));
        assert_eq!(handfuls.spend("acme", 29, 0).map(|told| told.remaining), Some(10 + 8));
        handfuls.leave("acme", 2);
        assert_eq!(handfuls.spend("acme", 8, 0).map(|told| told.remaining), Some(10));
        assert!(handfuls.spend("acme", 1, 0).is_none() && handfuls.flights.is_empty());
    }

    #[test]
    fn no_more_is_asked_for_than_the_store_said_it_has() {
        let mut handfuls = Handfuls::<()>::new(8, 10, 10);
        (0..20).for_each(|_| assert!(handfuls.join("acme", 2, 0).is_some()));
        assert_eq!(handfuls.ask("acme", 0), Some(8), "it has not said anything yet");
        handfuls.keep("acme", 0, decision(30), 0);
        assert_eq!((handfuls.ask("acme", 9), handfuls.ask("acme", 10)), (Some(30), Some(8)));
        handfuls.keep("acme", 0, decision(2), 0);
        assert_eq!(handfuls.ask("acme", 0), Some(8));
        handfuls.disband("acme");
        assert_eq!(handfuls.ask("acme", 0), None);
    }

    #[test]
    fn without_room_nothing_is_taken_ahead() {
        let mut handfuls = Handfuls::<()>::new(8, 10, 1);
        assert!(handfuls.join("acme", 1, 0).is_some() && handfuls.join("globex", 1, 0).is_some());
        handfuls.keep("acme", 7, decision(50), 0);
        handfuls.keep("globex", 7, decision(50), 0);
        assert!(handfuls.spend("globex", 1, 0).is_none(), "forgotten");
        assert!(handfuls.join("initech", 1, 9).is_none());
        assert!(handfuls.join("initech", 1, 10).is_some());
    }
}
