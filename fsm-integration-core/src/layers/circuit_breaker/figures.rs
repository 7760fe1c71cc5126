/// One result that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) failed: bool,
    pub(super) slow: bool,
}

impl Counted {
    pub(super) const fn is_plain_success(self) -> bool {
        !self.failed && !self.slow
    }
}

/// Results counted together; a call that failed slowly is both a failure and slow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) calls: u64,
    pub(super) failures: u64,
    pub(super) slow: u64,
}

impl Figures {
    pub(super) fn add(&mut self, counted: Counted) {
        *self = self.plus(Self { calls: 1, failures: counted.failed.into(), slow: counted.slow.into() });
    }

    pub(super) const fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            failures: self.failures.saturating_add(other.failures),
            slow: self.slow.saturating_add(other.slow),
        }
    }

    /// Whether only plain successes were counted.
    pub(super) const fn is_clean(self) -> bool {
        self.failures == 0 && self.slow == 0
    }
}

/// Which part of the whole it is; 0 of nothing.
///
/// The quotient of whole numbers is rounded once, as a rate written in decimals is: 3 of 30 is exactly 0.1.
pub(super) fn part(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Whether a part of the whole reaches a rate; nothing reaches none.
pub(super) fn reaches(count: u64, whole: u64, rate: f64) -> bool {
    count > 0 && part(count, whole) >= rate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_rate_is_reached_by_exactly_its_part() {
        for (count, whole, rate) in [(3, 30, 0.1), (7, 10, 0.7), (29, 100, 0.29), (1, 3, 1.0 / 3.0)] {
            assert!(reaches(count, whole, rate), "{count} of {whole} is {rate}");
            assert!(!reaches(count, whole + 1, rate));
        }
    }

    #[test]
    fn nothing_reaches_no_rate() {
        assert!(!reaches(0, 0, 0.0) && !reaches(0, 10, 0.0));
        assert!(!reaches(10, 10, f64::NAN) && !reaches(10, 10, 1.1));
    }
}
