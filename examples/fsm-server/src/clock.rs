//! The server's wall clock: the machine's, or the machine's moved forward, so that a day passes in a moment.

use std::{sync::Arc, time::Duration};

use fsm_integration_core::clock::{Sleep, SystemClock, WallClock};
use jiff::Timestamp;
use tokio::sync::watch;

/// A wall clock that can be moved forward; clones share the shift.
///
/// Everything that is due at a date (schedules, redeliveries) waits on it and wakes when it is moved.
#[derive(Debug, Clone)]
pub struct ServerClock {
    shift: Arc<watch::Sender<Duration>>,
}

impl Default for ServerClock {
    fn default() -> Self {
        Self { shift: Arc::new(watch::Sender::new(Duration::ZERO)) }
    }
}

impl ServerClock {
    /// Moves the clock forward; it never goes back.
    pub fn advance(&self, by: Duration) {
        self.shift.send_modify(|shift| *shift += by);
    }

    /// Moves the clock forward to a point in time; does nothing when that is past.
    pub fn advance_to(&self, at: Timestamp) {
        if let Ok(left) = Duration::try_from(self.timestamp().duration_until(at)) {
            self.advance(left);
        }
    }
}

impl WallClock for ServerClock {
    fn timestamp(&self) -> Timestamp {
        let shift = *self.shift.borrow();
        SystemClock.timestamp().checked_add(shift).unwrap_or(Timestamp::MAX)
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        let clock = self.clone();
        Box::pin(async move {
            let mut shift = clock.shift.subscribe();
            loop {
                let moved = *shift.borrow_and_update();
                let by_machine = at.checked_sub(moved).unwrap_or(Timestamp::MIN);
                tokio::select! {
                    () = SystemClock.sleep_until(by_machine) => return,
                    _ = shift.changed() => {}
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_clock_is_moved_past_it() {
        let clock = ServerClock::default();
        let due = clock.timestamp() + Duration::from_secs(86_400);
        let sleeper = tokio::spawn(clock.sleep_until(due));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance_to(due);
        sleeper.await.unwrap();
        assert!(clock.timestamp() >= due);
    }
}
