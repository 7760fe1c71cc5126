use std::collections::BTreeSet;

/// How far a group has come: the highest offset below which everything is handled.
///
/// Only that may be committed: a record handled out of order must not hide one that is still under way.
#[derive(Debug, Default)]
pub(super) struct Progress {
    under_way: BTreeSet<i64>,
    highest: i64,
    committed: i64,
}

impl Progress {
    pub(super) fn starting_at(committed: i64) -> Self {
        Self { under_way: BTreeSet::new(), highest: committed, committed }
    }

    pub(super) fn begin(&mut self, offset: i64) {
        self.under_way.insert(offset);
        self.highest = self.highest.max(offset);
    }

    /// Goes past a record that was settled before the start.
    pub(super) fn pass(&mut self, offset: i64) {
        self.highest = self.highest.max(offset);
    }

    /// What may be committed once `offset` is done too.
    pub(super) fn after(&self, offset: i64) -> i64 {
        self.under_way.iter().find(|other| **other != offset).map_or(self.highest, |lowest| lowest - 1)
    }

    pub(super) fn done(&mut self, offset: i64, committed: i64) {
        self.under_way.remove(&offset);
        self.committed = self.committed.max(committed);
    }

    /// What is still to be committed when nothing is under way: records that end together each saw the other as
    /// unfinished.
    pub(super) fn behind(&self) -> Option<i64> {
        (self.under_way.is_empty() && self.committed < self.highest).then_some(self.highest)
    }

    pub(super) fn committed(&mut self, offset: i64) {
        self.committed = self.committed.max(offset);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_under_way_holds_the_commit_back() {
        let mut progress = Progress::starting_at(10);
        for offset in [11, 12, 13] {
            progress.begin(offset);
        }
        assert_eq!(progress.after(13), 10);
        progress.done(13, 10);
        assert_eq!(progress.after(11), 11);
        progress.done(11, 11);
        assert_eq!(progress.after(12), 13);
        progress.done(12, 11);
        assert_eq!(progress.behind(), Some(13));
        progress.committed(13);
        assert_eq!(progress.behind(), None);
    }

    #[test]
    fn what_was_settled_before_the_start_is_gone_past_and_never_back() {
        let mut progress = Progress::starting_at(10);
        progress.pass(9);
        assert_eq!(progress.behind(), None);
        progress.pass(11);
        assert_eq!(progress.behind(), Some(11));
        progress.begin(12);
        assert_eq!((progress.behind(), progress.after(12)), (None, 12));
    }

    proptest! {
        #[test]
        fn nothing_under_way_is_ever_below_the_commit(order in Just((1..40_i64).collect::<Vec<_>>()).prop_shuffle()) {
            let mut progress = Progress::starting_at(0);
            for offset in 1..40 {
                progress.begin(offset);
            }
            let mut left: BTreeSet<_> = order.iter().copied().collect();
            for offset in order {
                let commit = progress.after(offset);
                progress.done(offset, commit);
                left.remove(&offset);
                prop_assert!(left.first().is_none_or(|lowest| commit < *lowest));
            }
            prop_assert_eq!(progress.behind(), None);
        }
    }
}
