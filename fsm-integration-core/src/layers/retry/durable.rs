use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::schedule::{fraction, scale};

/// When to try again over days, for work that is kept in a store between attempts.
///
/// Default (requirement W12): 5 s, 5 m, 30 m, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h, each up to 20 % sooner or
/// later, and a `Retry-After` of at most 1 h is honoured (W11). An empty list never tries again; a wait of
/// zero tries at once.
///
/// ```
/// use std::time::Duration;
/// use fsm_integration_core::layers::retry::DurableSchedule;
///
/// let schedule = DurableSchedule::default();
/// assert_eq!(schedule.delay(0, 0.5), Some(Duration::from_secs(5)));
/// assert_eq!(schedule.delay(9, 0.5), None);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DurableSchedule {
    /// The wait before each attempt after the first.
    #[serde(with = "texts")]
    pub delays: Vec<Duration>,
    /// How much of a wait is taken off or added at most, from 0 to 1.
    pub jitter_factor: f64,
    /// The longest hint of the other side that postpones an attempt; a longer one is cut to this.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub max_retry_after: Duration,
}

impl Default for DurableSchedule {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        let delays = [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
        Self {
            delays: delays.map(Duration::from_secs).to_vec(),
            jitter_factor: 0.2,
            max_retry_after: Duration::from_secs(HOUR),
        }
    }
}

impl DurableSchedule {
    /// The wait after `failures` (from 0) earlier waits, `None` to give up; `random` is from 0 to 1.
    #[must_use]
    pub fn delay(&self, failures: u32, random: f64) -> Option<Duration> {
        let delay = *self.delays.get(usize::try_from(failures).ok()?)?;
        let factor = fraction(self.jitter_factor);
        Some(scale(delay, 1.0 - factor + 2.0 * factor * fraction(random)))
    }

    /// When to try again, `None` to give up; the other side's hint postpones it.
    #[must_use]
    pub fn due(&self, failures: u32, retry_after: Option<Duration>, now: Timestamp, random: f64) -> Option<Timestamp> {
        let hint = retry_after.unwrap_or_default().min(self.max_retry_after);
        let delay = self.delay(failures, random)?.max(hint);
        Some(now.saturating_add(delay).unwrap_or(Timestamp::MAX))
    }
}

/// A list of durations as people write them.
mod texts {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Text(#[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")] Duration);

    pub(super) fn serialize<S: Serializer>(delays: &[Duration], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(delays.iter().copied().map(Text))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Duration>, D::Error> {
        let texts = Vec::<Text>::deserialize(deserializer)?;
        Ok(texts.into_iter().map(|Text(delay)| delay).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_735_689_600, 0);

    fn wait(schedule: &DurableSchedule, failures: u32, hint: Option<u64>) -> Option<u64> {
        let due = schedule.due(failures, hint.map(Duration::from_secs), NOW, 0.5)?;
        Some(u64::try_from(due.as_second() - NOW.as_second()).expect("the future"))
    }

    // W12: the schedule ends after three days, not after seven seconds.
    #[test]
    fn the_default_goes_on_for_three_days_and_then_gives_up() {
        let schedule = DurableSchedule::default();
        let total: u64 = (0..9).filter_map(|failures| wait(&schedule, failures, None)).sum();
        assert_eq!(total, 5 + 300 + 1_800 + 75 * 3_600);
        assert_eq!((wait(&schedule, 9, None), wait(&schedule, u32::MAX, None)), (None, None));
    }

    // W11.
    #[test]
    fn a_hint_postpones_but_not_beyond_its_cap_and_never_brings_forward() {
        let schedule = DurableSchedule::default();
        assert_eq!(wait(&schedule, 0, Some(60)), Some(60));
        assert_eq!(wait(&schedule, 0, Some(u64::MAX)), Some(3_600));
        assert_eq!(wait(&schedule, 2, Some(1)), Some(1_800));
    }

    #[test]
    fn an_endpoint_may_have_no_retry_or_one_at_once() {
        let none = DurableSchedule { delays: vec![], ..DurableSchedule::default() };
        assert_eq!(wait(&none, 0, None), None);
        let at_once = DurableSchedule { delays: vec![Duration::ZERO], ..DurableSchedule::default() };
        assert_eq!(wait(&at_once, 0, None), Some(0));
    }

    #[test]
    fn settings_are_written_as_people_write_durations() {
        let schedule: DurableSchedule = serde_json::from_str(r#"{"delays":["5s","2h"]}"#).expect("settings");
        assert_eq!(schedule.delays, [5, 7_200].map(Duration::from_secs));
        let written = serde_json::to_string(&schedule).expect("settings are text");
        assert_eq!(written, r#"{"delays":["5s","2h"],"jitter_factor":0.2,"max_retry_after":"1h"}"#);
        assert!(serde_json::from_str::<DurableSchedule>(r#"{"delay":[]}"#).is_err());
    }

    proptest! {
        #[test]
        fn jitter_stays_within_a_fifth(failures in 0..9_u32, random: f64) {
            let schedule = DurableSchedule::default();
            let base = schedule.delays[failures as usize].as_secs_f64();
            let delay = schedule.delay(failures, random).expect("within the list").as_secs_f64();
            prop_assert!((base * 0.799_999..=base * 1.200_001).contains(&delay));
        }

        #[test]
        fn no_settings_panic(delay: Duration, jitter_factor: f64, random: f64, hint: Option<Duration>) {
            let schedule = DurableSchedule { delays: vec![delay], jitter_factor, max_retry_after: Duration::MAX };
            prop_assert!(schedule.due(0, hint, NOW, random) >= Some(NOW));
        }
    }
}
