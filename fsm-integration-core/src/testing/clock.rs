use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::clock::{Clock, Sleep, SystemClock, WallClock};

/// Monotonic and wall time that move only when told, together or the wall time alone; clones share it.
///
/// It does not move tokio's timers: a test with both pauses tokio's time and advances the two together.
///
/// ```
/// use std::time::Duration;
/// use fsm_integration_core::{clock::{Clock, WallClock}, testing::VirtualClock};
///
/// let clock = VirtualClock::starting_at("2025-01-15T10:00:00Z".parse().unwrap());
/// let before = clock.now();
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(clock.now() - before, Duration::from_secs(90));
/// assert_eq!(clock.timestamp().to_string(), "2025-01-15T10:01:30Z");
/// ```
#[derive(Clone)]
pub struct VirtualClock(Arc<Shared>);

struct Shared {
    began: Instant,
    began_at: Timestamp,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    elapsed: Duration,
    /// How far wall time has been stepped.
    stepped: SignedDuration,
    sleepers: Vec<(Timestamp, oneshot::Sender<()>)>,
}

impl State {
    fn wall(&self, began_at: Timestamp) -> Timestamp {
        began_at + self.elapsed + self.stepped
    }
}

impl VirtualClock {
    /// Creates a clock whose wall time stands at `timestamp`.
    #[must_use]
    pub fn starting_at(timestamp: Timestamp) -> Self {
        Self(Arc::new(Shared { began: SystemClock.now(), began_at: timestamp, state: Mutex::default() }))
    }

    /// Moves both times forward and wakes every sleeper that is due.
    ///
    /// The sleepers' tasks run when the runtime gets to them: yield before looking at what they did.
    ///
    /// # Panics
    /// When wall time would leave the calendar.
    pub fn advance(&self, by: Duration) {
        self.change(|state| state.elapsed += by);
    }

    /// Steps wall time alone, forward or back, as one who sets a machine's clock; wakes every sleeper that is due then.
    ///
    /// ```
    /// use std::time::Duration;
    /// use fsm_integration_core::{clock::{Clock, WallClock}, testing::VirtualClock};
    ///
    /// let clock = VirtualClock::starting_at("2025-01-15T10:00:00Z".parse().unwrap());
    /// let before = clock.now();
    /// clock.step_wall("-1h".parse().unwrap());
    /// assert_eq!(clock.timestamp().to_string(), "2025-01-15T09:00:00Z");
    /// assert_eq!(clock.now(), before);
    /// ```
    ///
    /// # Panics
    /// When wall time would leave the calendar.
    pub fn step_wall(&self, by: SignedDuration) {
        self.change(|state| state.stepped += by);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let due: Vec<_> = {
            let mut state = self.0.state.lock();
            change(&mut state);
            let now = state.wall(self.0.began_at);
            state.sleepers.extract_if(.., |(due, _)| *due <= now).collect()
        };
        // Outside of the lock: whoever is woken may look at the clock at once.
        for (_, sleeper) in due {
            // A sleeper that was dropped meanwhile needs no waking.
            let _ = sleeper.send(());
        }
    }

    /// Moves both times forward until wall time is `timestamp`; does nothing when it is past.
    pub fn advance_to(&self, timestamp: Timestamp) {
        if let Ok(left) = Duration::try_from(self.timestamp().duration_until(timestamp)) {
            self.advance(left);
        }
    }

    /// When the next sleeper is due, if anybody sleeps.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let mut state = self.0.state.lock();
        state.sleepers.retain(|(_, sleeper)| !sleeper.is_closed());
        state.sleepers.iter().map(|(due, _)| *due).min()
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Instant {
        self.0.began + self.0.state.lock().elapsed
    }
}

impl WallClock for VirtualClock {
    fn timestamp(&self) -> Timestamp {
        self.0.state.lock().wall(self.0.began_at)
    }

    /// Counts from the call, not from the first poll.
    fn sleep_until(&self, at: Timestamp) -> Sleep {
        let mut state = self.0.state.lock();
        if state.wall(self.0.began_at) >= at {
            return Box::pin(std::future::ready(()));
        }
        let (wake, woken) = oneshot::channel();
        state.sleepers.retain(|(_, sleeper)| !sleeper.is_closed());
        state.sleepers.push((at, wake));
        // Held, so that a clock that nobody else holds sleeps for ever instead of ending.
        let clock = self.clone();
        Box::pin(async move {
            let _clock = clock;
            let _ = woken.await;
        })
    }
}

/// Starts at the beginning of 2025, UTC.
impl Default for VirtualClock {
    fn default() -> Self {
        Self::starting_at(Timestamp::constant(1_735_689_600, 0))
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VirtualClock").field(&self.timestamp()).finish()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn advancing_wakes_who_is_due_and_nobody_else() {
        let clock = VirtualClock::default();
        let start = clock.timestamp();
        let mut soon = clock.sleep_until(start + Duration::from_secs(5));
        let mut late = clock.sleep_until(start + Duration::from_secs(6));
        assert!((&mut soon).now_or_never().is_none());
        clock.advance(Duration::from_secs(5));
        assert!((&mut soon).now_or_never().is_some());
        assert!((&mut late).now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_point_in_the_past_is_reached_at_once() {
        let clock = VirtualClock::default();
        assert!(clock.sleep_until(clock.timestamp()).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_dropped_sleeper_is_not_due() {
        let clock = VirtualClock::default();
        let sleeper = clock.sleep_until(clock.timestamp() + Duration::from_secs(5));
        assert_eq!(clock.next_due(), Some(clock.timestamp() + Duration::from_secs(5)));
        drop(sleeper);
        assert_eq!(clock.next_due(), None);
    }

    /// Looks at the clock when it is woken.
    struct Looks(VirtualClock, std::sync::mpsc::Sender<Timestamp>);
    impl std::task::Wake for Looks {
        fn wake(self: Arc<Self>) {
            self.1.send(self.0.timestamp()).unwrap();
        }
    }

    #[test]
    fn whoever_is_woken_may_look_at_the_clock_at_once() {
        let clock = VirtualClock::default();
        let due = clock.timestamp() + Duration::from_secs(1);
        let (told, woken) = std::sync::mpsc::channel();
        let mut sleep = clock.sleep_until(due);
        let waker = std::task::Waker::from(Arc::new(Looks(clock.clone(), told)));
        assert!(sleep.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
        // On a thread of its own, for a clock that locks itself out would never come back.
        std::thread::spawn(move || clock.advance(Duration::from_secs(1)));
        assert_eq!(woken.recv_timeout(Duration::from_secs(20)), Ok(due));
    }

    #[tokio::test]
    async fn a_step_wakes_who_is_due_and_moves_no_monotonic_time() {
        let clock = VirtualClock::default();
        let (start, began) = (clock.timestamp(), clock.now());
        clock.step_wall(SignedDuration::from_secs(-10));
        let mut sleep = clock.sleep_until(start);
        clock.step_wall(SignedDuration::from_secs(9));
        assert!((&mut sleep).now_or_never().is_none());
        clock.step_wall(SignedDuration::from_secs(1));
        assert!((&mut sleep).now_or_never().is_some());
        assert_eq!((clock.timestamp(), clock.now()), (start, began));
        clock.advance_to(start + Duration::from_secs(5));
        assert_eq!(clock.now() - began, Duration::from_secs(5));
    }

    #[test]
    fn advancing_to_what_is_past_does_nothing() {
        let clock = VirtualClock::default();
        let start = clock.timestamp();
        clock.advance_to(start - Duration::from_secs(1));
        assert_eq!(clock.timestamp(), start);
    }
}
