//! When to ask a store that may be down; pure.

/// Whether a store answers, and when to ask it again if not.
#[derive(Debug, Default)]
pub(super) struct StoreHealth {
    /// Set while it does not answer.
    ask_again_at: Option<u64>,
    /// When it last was seen not to.
    failed_at: u64,
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
    ///
    /// An answer to a question from before the last failure, or from the same tick, does not say that the store is back.
    pub(super) fn outcome(&mut self, answered: bool, asked_at: u64, now: u64, pause: u64) -> bool {
        let was_down = self.ask_again_at.is_some();
        if answered {
            let is_back = asked_at > self.failed_at;
            self.ask_again_at = self.ask_again_at.filter(|_| !is_back);
            return was_down && is_back;
        }
        self.failed_at = now;
        self.ask_again_at = Some(now.saturating_add(pause));
        !was_down
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
        assert!(health.outcome(false, 0, 5, PAUSE));
        assert!(!health.outcome(false, 0, 5, PAUSE), "a second failure changes nothing");
        assert_eq!(
            [5, 14, 15, 15, 24, 25].map(|now| health.may_ask(now, PAUSE)),
            [false, false, true, false, false, true]
        );
        assert!(health.outcome(true, 25, 26, PAUSE));
        assert!(!health.outcome(true, 26, 27, PAUSE));
        assert!(health.may_ask(27, PAUSE));
    }

    #[test]
    fn an_answer_to_a_question_from_before_the_failure_ends_no_pause() {
        let mut health = StoreHealth::default();
        assert!(health.outcome(false, 0, 5, PAUSE));
        assert!(!health.outcome(true, 4, 6, PAUSE) && !health.outcome(true, 5, 6, PAUSE));
        assert!(health.is_left_alone(14) && !health.is_left_alone(15));
        assert!(health.outcome(true, 15, 15, PAUSE));
        assert!(!health.is_left_alone(14));
    }
}
