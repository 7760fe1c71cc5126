use std::collections::VecDeque;

use super::figures::{Counted, Figures};

/// The last calls, exactly so many.
///
/// Of each call only its number is needed, and of plain successes not even that: what is kept is the number of the
/// latest call and those of the failed and slow calls among the last `size`. So a success is one addition, which many
/// threads can do beside the machine, and still the window slides exactly.
#[derive(Debug, Clone)]
pub(super) struct CountWindow {
    size: u64,
    /// The number of the latest call, from 1.
    latest: u64,
    /// The number before the first call that is known; later than 0 only when the window was made larger.
    known_after: u64,
    marks: VecDeque<(u64, Counted)>,
    /// The failed and the slow among the marks.
    failures: u64,
    slow: u64,
}

impl CountWindow {
    pub(super) fn new(size: u32) -> Self {
        Self { size: size.max(1).into(), latest: 0, known_after: 0, marks: VecDeque::new(), failures: 0, slow: 0 }
    }

    pub(super) fn record(&mut self, counted: Counted) {
        self.latest += 1;
        if !counted.is_plain_success() {
            self.marks.push_back((self.latest, counted));
            self.failures += u64::from(counted.failed);
            self.slow += u64::from(counted.slow);
        }
        self.slide();
    }

    /// Counts plain successes that were tallied elsewhere.
    pub(super) fn absorb(&mut self, successes: u64) {
        self.latest += successes;
        self.slide();
    }

    /// Goes on with another size; results that have left the window do not come back.
    pub(super) fn resize(&mut self, size: u32) {
        self.known_after = self.latest - self.figures().calls;
        self.size = size.max(1).into();
        self.slide();
    }

    fn slide(&mut self) {
        while let Some((number, counted)) = self.marks.front().copied()
            && number + self.size <= self.latest
        {
            self.marks.pop_front();
            self.failures -= u64::from(counted.failed);
            self.slow -= u64::from(counted.slow);
        }
    }

    pub(super) fn figures(&self) -> Figures {
        let calls = (self.latest - self.known_after).min(self.size);
        Figures { calls, failures: self.failures, slow: self.slow }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(u32::try_from(self.size).unwrap_or(u32::MAX));
    }

    /// How much it keeps, for the test that this does not grow with the calls.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.marks.len()
    }
}
