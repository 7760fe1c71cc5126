//! `backoff::backoff::Backoff` for [`RetryDelays`], for teams that have that crate already.

use std::time::Duration;

use super::RetryDelays;

impl backoff::backoff::Backoff for RetryDelays {
    fn reset(&mut self) {
        self.restart();
    }

    fn next_backoff(&mut self) -> Option<Duration> {
        self.next()
    }
}

#[cfg(test)]
mod tests {
    use backoff::backoff::Backoff;

    use super::super::{Jitter, RetryConfig};
    use super::*;

    #[test]
    fn a_reset_starts_the_schedule_again() {
        let mut delays = RetryConfig { jitter: Jitter::None, ..RetryConfig::default() }.delays();
        let drained: Vec<_> = std::iter::from_fn(|| delays.next_backoff()).collect();
        assert_eq!(drained, [1, 2, 4].map(Duration::from_secs));
        delays.reset();
        assert_eq!(delays.next_backoff(), Some(Duration::from_secs(1)));
    }
}
