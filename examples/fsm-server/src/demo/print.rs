use std::time::Instant;

use fsm_integration_core::clock::{Clock, SystemClock};

/// Prints the journey, a line a step.
pub(super) struct Printer {
    began: Instant,
}

impl Printer {
    pub(super) fn start() -> Self {
        Self { began: SystemClock.now() }
    }

    pub(super) fn heading(&self, text: &str) {
        println!("{text}");
    }

    /// One step: when, what, how it went, and the journey it belongs to.
    pub(super) fn step(&self, what: &str, how: &str, correlation_id: &str) {
        let seconds = (SystemClock.now() - self.began).as_secs_f32();
        println!("{seconds:6.1}s  {what:<22} {how:<84} {correlation_id}");
    }
}
