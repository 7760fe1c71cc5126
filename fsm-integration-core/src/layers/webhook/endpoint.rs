//! Whether an endpoint is still sent to (requirement W13).
//!
//! Pure: the time and the outcome of a delivery come in, a change for an operator to be told of goes out. Whoever
//! delivers keeps the value beside the endpoint and asks it before each attempt.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// When an endpoint that fails is given up.
///
/// Default: after 120 h of nothing but failure, as Svix does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EndpointConfig {
    /// How long it fails without a success in between before it is disabled.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub disable_after: Duration,
}

impl Default for EndpointConfig {
    fn default() -> Self {
        Self { disable_after: Duration::from_secs(120 * 60 * 60) }
    }
}

/// How an endpoint is: sent to, sent to in vain, or not sent to any more.
///
/// ```text
///           failure                 failure, disable_after since the first
/// ACTIVE ------------> FAILING -------------------------------------------> DISABLED
///   ^ <-- success -------+                                                     |  ^
///   +------------------------- enable (says since when to recover) -----------+  |
///   +------------------------------- 410 Gone ------------------------------------+
/// ```
///
/// ```
/// use std::time::Duration;
/// use fsm_integration_core::layers::webhook::{Delivery, EndpointChange, EndpointConfig, EndpointHealth};
///
/// let config = EndpointConfig::default();
/// let noon: jiff::Timestamp = "2025-01-20T12:00:00Z".parse()?;
/// let mut health = EndpointHealth::default();
/// assert_eq!(health.record(Delivery::Failed, noon, &config), Some(EndpointChange::Failing));
///
/// let days_later = noon + Duration::from_secs(120 * 3600);
/// let change = health.record(Delivery::Failed, days_later, &config);
/// assert_eq!(change, Some(EndpointChange::Disabled { failing_since: noon, gone: false }));
/// assert_eq!(health.enable(), Some(noon), "what was not delivered since then is to be sent again");
/// # Ok::<(), jiff::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum EndpointHealth {
    /// The latest delivery succeeded, or none was made yet.
    #[default]
    Active,
    /// Deliveries fail; they go on.
    Failing {
        /// When the first failed of those that failed in a row.
        since: Timestamp,
    },
    /// Nothing is delivered until somebody enables it.
    Disabled {
        /// When the first failed of those that failed in a row.
        failing_since: Timestamp,
        /// When it was disabled.
        at: Timestamp,
        /// Whether the endpoint itself said so, by 410.
        gone: bool,
    },
}

/// How one attempt to deliver ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// Any 2xx (requirement W9).
    Succeeded,
    /// No answer, a redirect, or any other status.
    Failed,
    /// 410: the endpoint asks not to be called again (requirement W11).
    Gone,
}

impl Delivery {
    /// What an HTTP status says.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Succeeded,
            410 => Self::Gone,
            _ => Self::Failed,
        }
    }
}

/// What an operator, and the endpoint's owner, are to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointChange {
    /// A first delivery failed.
    Failing,
    /// Nothing is delivered any more.
    Disabled {
        /// When the first failed of those that failed in a row: from then on messages are missing.
        failing_since: Timestamp,
        /// Whether the endpoint itself said so, by 410.
        gone: bool,
    },
    /// A delivery succeeded again.
    Recovered {
        /// When the first failed of those that failed in a row.
        failing_since: Timestamp,
    },
}

impl EndpointHealth {
    /// Whether deliveries are to be made.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        !matches!(self, Self::Disabled { .. })
    }

    /// Since when nothing was delivered, if that is so.
    #[must_use]
    pub const fn failing_since(&self) -> Option<Timestamp> {
        match *self {
            Self::Active => None,
            Self::Failing { since: at } | Self::Disabled { failing_since: at, .. } => Some(at),
        }
    }

    /// Takes note of a delivery and says what is to be told of it.
    ///
    /// What was under way when the endpoint was disabled changes nothing, whatever came of it: only
    /// [`enable`](Self::enable) does.
    pub fn record(&mut self, delivery: Delivery, now: Timestamp, config: &EndpointConfig) -> Option<EndpointChange> {
        let failing_since = self.failing_since();
        match (*self, delivery) {
            (Self::Disabled { .. }, _) | (Self::Active, Delivery::Succeeded) => None,
            (Self::Failing { since }, Delivery::Succeeded) => {
                *self = Self::Active;
                Some(EndpointChange::Recovered { failing_since: since })
            }
            (_, Delivery::Gone) => Some(self.disable(failing_since.unwrap_or(now), now, true)),
            (Self::Active, Delivery::Failed) if config.disable_after.is_zero() => Some(self.disable(now, now, false)),
            (Self::Active, Delivery::Failed) => {
                *self = Self::Failing { since: now };
                Some(EndpointChange::Failing)
            }
            // The clock was ahead when it failed first, and that is over: what is known is that it fails by now.
            (Self::Failing { since }, Delivery::Failed) if now < since => {
                *self = Self::Failing { since: now };
                None
            }
            (Self::Failing { since }, Delivery::Failed) => {
                let age = Duration::try_from(now.duration_since(since)).unwrap_or(Duration::ZERO);
                (age >= config.disable_after).then(|| self.disable(since, now, false))
            }
        }
    }

    /// Lets deliveries be made again; returns since when messages are missing, to recover them, if any are.
    pub fn enable(&mut self) -> Option<Timestamp> {
        let since = self.failing_since();
        *self = Self::Active;
        since
    }

    fn disable(&mut self, failing_since: Timestamp, at: Timestamp, gone: bool) -> EndpointChange {
        *self = Self::Disabled { failing_since, at, gone };
        EndpointChange::Disabled { failing_since, gone }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn record(health: &mut EndpointHealth, delivery: Delivery, second: i64) -> Option<EndpointChange> {
        health.record(delivery, at(second), &EndpointConfig::default())
    }

    #[test]
    fn without_patience_the_first_failure_disables() {
        let (mut health, config) = (EndpointHealth::Active, EndpointConfig { disable_after: Duration::ZERO });
        let change = health.record(Delivery::Failed, at(0), &config);
        assert_eq!(change, Some(EndpointChange::Disabled { failing_since: at(0), gone: false }));
    }

    #[test]
    fn a_hundred_and_twenty_hours_of_failure_disable_it() {
        let mut health = EndpointHealth::default();
        assert_eq!(record(&mut health, Delivery::Failed, 0), Some(EndpointChange::Failing));
        for hour in 1..120 {
            assert_eq!(record(&mut health, Delivery::Failed, hour * HOUR), None, "told once");
            assert!(health.is_enabled());
        }
        let disabled = EndpointChange::Disabled { failing_since: at(0), gone: false };
        assert_eq!(record(&mut health, Delivery::Failed, 120 * HOUR), Some(disabled));
        assert!(!health.is_enabled());
    }

    #[test]
    fn one_success_starts_the_count_anew() {
        let mut health = EndpointHealth::default();
        record(&mut health, Delivery::Failed, 0);
        let recovered = EndpointChange::Recovered { failing_since: at(0) };
        assert_eq!(record(&mut health, Delivery::Succeeded, 119 * HOUR), Some(recovered));
        assert_eq!(record(&mut health, Delivery::Failed, 120 * HOUR), Some(EndpointChange::Failing));
        assert_eq!(record(&mut health, Delivery::Failed, 239 * HOUR), None);
        assert!(health.is_enabled());
    }

    #[test]
    fn gone_disables_at_once() {
        let mut health = EndpointHealth::default();
        let disabled = EndpointChange::Disabled { failing_since: at(7), gone: true };
        assert_eq!(record(&mut health, Delivery::of_status(410), 7), Some(disabled));
        let mut failing = EndpointHealth::Failing { since: at(3) };
        let disabled = EndpointChange::Disabled { failing_since: at(3), gone: true };
        assert_eq!(record(&mut failing, Delivery::Gone, 7), Some(disabled));
    }

    #[test]
    fn what_was_under_way_does_not_enable_it_again() {
        let disabled = EndpointHealth::Disabled { failing_since: at(0), at: at(1), gone: false };
        for delivery in [Delivery::Succeeded, Delivery::Failed, Delivery::Gone] {
            let mut health = disabled;
            assert_eq!(record(&mut health, delivery, 2), None);
            assert_eq!(health, disabled);
        }
    }

    #[test]
    fn enabling_says_since_when_messages_are_missing() {
        let mut health = EndpointHealth::Disabled { failing_since: at(5), at: at(9), gone: true };
        assert_eq!(health.enable(), Some(at(5)));
        assert_eq!((health, health.enable()), (EndpointHealth::Active, None));
    }

    #[test]
    fn a_clock_that_is_set_back_disables_nothing() {
        let mut health = EndpointHealth::default();
        record(&mut health, Delivery::Failed, 1_000 * HOUR);
        assert_eq!(record(&mut health, Delivery::Failed, 0), None);
        assert!(health.is_enabled());
    }

    #[test]
    fn a_clock_that_was_ahead_once_keeps_no_dead_endpoint_alive() {
        let mut health = EndpointHealth::default();
        record(&mut health, Delivery::Failed, 1_000 * HOUR);
        assert_eq!(record(&mut health, Delivery::Failed, HOUR), None);
        assert_eq!(record(&mut health, Delivery::Failed, 120 * HOUR), None);
        let disabled = EndpointChange::Disabled { failing_since: at(HOUR), gone: false };
        assert_eq!(record(&mut health, Delivery::Failed, 121 * HOUR), Some(disabled));
    }

    #[test]
    fn statuses_are_judged_as_the_specification_says() {
        assert!((200..300).all(|status| Delivery::of_status(status) == Delivery::Succeeded));
        assert_eq!(Delivery::of_status(410), Delivery::Gone);
        assert!(
            [100, 199, 301, 400, 404, 429, 500].iter().all(|status| Delivery::of_status(*status) == Delivery::Failed)
        );
    }

    #[test]
    fn it_survives_being_stored() {
        for health in [
            EndpointHealth::Active,
            EndpointHealth::Failing { since: at(1) },
            EndpointHealth::Disabled { failing_since: at(1), at: at(2), gone: true },
        ] {
            let text = serde_json::to_string(&health).expect("JSON");
            assert_eq!(serde_json::from_str::<EndpointHealth>(&text).expect("its own text"), health);
        }
        let config: EndpointConfig = serde_json::from_str(r#"{"disable_after": "48h"}"#).expect("a config");
        assert_eq!(config.disable_after.as_secs(), 48 * 3_600);
    }

    fn deliveries() -> impl Strategy<Value = Vec<(Delivery, i64)>> {
        let delivery = prop_oneof![
            3 => Just(Delivery::Failed),
            2 => Just(Delivery::Succeeded),
            1 => Just(Delivery::Gone),
        ];
        prop::collection::vec((delivery, 0..100 * HOUR), 0..40)
    }

    proptest! {
        /// Against the whole history: disabled by the first 410, or by a failure whose run of failures is old enough.
        #[test]
        fn it_is_what_its_history_says(steps in deliveries()) {
            let mut health = EndpointHealth::default();
            let (mut now, mut run, mut disabled) = (0, None, false);
            for (delivery, wait) in steps {
                now += wait;
                let before = health;
                let change = record(&mut health, delivery, now);
                prop_assert_eq!(change.is_some(), std::mem::discriminant(&before) != std::mem::discriminant(&health));
                if disabled {
                    prop_assert_eq!(health, before);
                    continue;
                }
                run = if delivery == Delivery::Succeeded { None } else { run.or(Some(now)) };
                disabled = delivery == Delivery::Gone || run.is_some_and(|first| now - first >= 120 * HOUR);
                prop_assert_eq!(health.is_enabled(), !disabled);
                prop_assert_eq!(health.failing_since(), run.map(at));
            }
        }
    }
}
