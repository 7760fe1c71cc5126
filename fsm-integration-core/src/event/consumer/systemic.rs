use std::collections::VecDeque;

/// Notices when failing is no longer the record's fault (requirement D11): an unknown error in every record is a bug
/// of ours, and dead-lettering them all would only hide it.
#[derive(Debug)]
pub(super) struct Systemic {
    recent: VecDeque<bool>,
    dead: usize,
}

impl Systemic {
    /// How many outcomes are looked at together.
    const WINDOW: usize = 40;
    /// Fewer outcomes than this prove nothing.
    const MINIMUM: usize = 20;

    pub(super) fn new() -> Self {
        Self { recent: VecDeque::with_capacity(Self::WINDOW), dead: 0 }
    }

    /// Notes an outcome that was written down.
    pub(super) fn note(&mut self, dead: bool) {
        if self.recent.len() == Self::WINDOW && self.recent.pop_front() == Some(true) {
            self.dead -= 1;
        }
        self.recent.push_back(dead);
        self.dead += usize::from(dead);
    }

    /// Whether one more dead letter would make them more than half of the recent outcomes.
    pub(super) fn stops_at_another(&mut self) -> bool {
        let leaves = self.recent.len() == Self::WINDOW && self.recent.front() == Some(&true);
        let (recent, dead) = ((self.recent.len() + 1).min(Self::WINDOW), self.dead + 1 - usize::from(leaves));
        let systemic = recent >= Self::MINIMUM && dead * 2 > recent;
        if systemic {
            // Whoever resumes the group gives it a fresh chance.
            *self = Self::new();
        }
        systemic
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Asks first and notes then, as a group does.
    fn survives(systemic: &mut Systemic, dead: bool) -> bool {
        if dead && systemic.stops_at_another() {
            return false;
        }
        systemic.note(dead);
        true
    }

    #[test]
    fn a_few_poisoned_records_do_not_stop_the_group() {
        let mut systemic = Systemic::new();
        assert!((0..19).all(|_| survives(&mut systemic, true)));
        let mut mixed = Systemic::new();
        assert!((0..200).all(|n| survives(&mut mixed, n % 2 == 1)));
    }

    #[test]
    fn failing_on_everything_stops_the_group() {
        let mut systemic = Systemic::new();
        let stopped_at = (1..100).find(|_| !survives(&mut systemic, true));
        assert_eq!(stopped_at, Some(20));
    }

    #[test]
    fn old_failures_are_forgotten() {
        let mut systemic = Systemic::new();
        for _ in 0..19 {
            systemic.note(true);
        }
        for _ in 0..40 {
            systemic.note(false);
        }
        assert!((0..19).all(|_| survives(&mut systemic, true)));
    }

    proptest! {
        /// Of the last forty outcomes with the one to come, if they are twenty, more than half are dead.
        #[test]
        fn it_stops_where_a_plain_count_of_the_last_outcomes_does(
            outcomes in prop::collection::vec(prop::bool::weighted(0.55), 0..400),
        ) {
            let (mut systemic, mut noted) = (Systemic::new(), Vec::<bool>::new());
            for dead in outcomes {
                let recent = &noted[noted.len().saturating_sub(39)..];
                let dead_of_them = 1 + recent.iter().filter(|dead| **dead).count();
                let stops = dead && recent.len() >= 19 && dead_of_them * 2 > recent.len() + 1;
                prop_assert_eq!(survives(&mut systemic, dead), !stops);
                if stops {
                    noted.clear();
                } else {
                    noted.push(dead);
                }
            }
        }
    }
}
