//! When to ask a store that may be down; pure.

/// Whether a store answers, and when to ask it again if not.
#[derive(Debug, Default)]
pub(super) struct StoreHealth {
    /// Set while it does not answer.
    ask_again_at: Option<u64>,
}

impl StoreHealth {
    /// Whether it is left alone at this time.
    pub(super) fn is_left_alone(&self, now: u64) -> bool {
        self.ask_again_at.is_some_and(|at| now < at)
    }

    /// Whether the caller may ask it; of a store that did not answer, one caller at a time tries.
    ///
    /// A caller that goes away without an outcome holds nobody up for longer than `pause`.
    pub(super) fn may_ask(&mut self, now: u64, pause: u64) -> bool {
        if self.is_left_alone(now) {
            return false;
        }
        if let Some(at) = &mut self.ask_again_at {
            *at = now.saturating_add(pause);
        }
        true
    }

    /// Takes note of an outcome; returns whether that changes how it stands.
    pub(super) fn outcome(&mut self, answered: bool, now: u64, pause: u64) -> bool {
        let was_down = self.ask_again_at.is_some();
        self.ask_again_at = (!answered).then(|| now.saturating_add(pause));
        was_down == answered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: u64 = 10;

    #[test]
    fn a_store_that_is_down_is_asked_by_one_caller_a_pause() {
        let mut health = StoreHealth::default();
        assert!(health.may_ask(0, PAUSE) && health.may_ask(0, PAUSE));
        assert!(health.outcome(false, 5, PAUSE));
        assert!(!health.outcome(false, 5, PAUSE), "a second failure changes nothing");
        assert_eq!(
            [5, 14, 15, 15, 24, 25].map(|now| health.may_ask(now, PAUSE)),
            [false, false, true, false, false, true]
        );
        assert!(health.outcome(true, 26, PAUSE));
        assert!(!health.outcome(true, 27, PAUSE));
        assert!(health.may_ask(27, PAUSE));
    }
}
