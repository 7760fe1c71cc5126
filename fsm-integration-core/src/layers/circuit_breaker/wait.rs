use std::time::Duration;

use super::CircuitBreakerConfig;

/// As good as never, and still a point in time that can be computed.
const FAR: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// How long to stay open: the wait grows with each opening in a row, and the partner's own hint may lengthen it.
///
/// `again` counts the openings before this one without a stable while between; `dice` is from 0 to below 1. The hint
/// never shortens the wait: a partner that asks for no patience at all would be asked with every call.
pub(super) fn open_wait(
    config: &CircuitBreakerConfig,
    again: u32,
    dice: f64,
    retry_after: Option<Duration>,
) -> Duration {
    let cap = config.max_reset_timeout.max(config.reset_timeout);
    let growth = config.reset_multiplier.max(1.0).powi(again.try_into().unwrap_or(i32::MAX));
    let scatter = 1.0 + config.reset_jitter.clamp(0.0, 1.0) * dice;
    let wait = stretch(config.reset_timeout, growth * scatter).min(cap);
    let hint = retry_after.unwrap_or_default().min(config.max_retry_after);
    wait.max(hint).min(FAR)
}

/// The duration times the factor, exact for 1.
fn stretch(duration: Duration, factor: f64) -> Duration {
    if factor > 1.0 {
        Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX)
    } else {
        duration
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn growing() -> CircuitBreakerConfig {
        CircuitBreakerConfig { reset_multiplier: 2.0, max_reset_timeout: 300 * SECOND, ..Default::default() }
    }

    #[test]
    fn the_wait_doubles_up_to_the_cap() {
        let waits: Vec<_> = (0..5).map(|again| open_wait(&growing(), again, 0.9, None).as_secs()).collect();
        assert_eq!(waits, [60, 120, 240, 300, 300]);
        assert_eq!(open_wait(&growing(), u32::MAX, 0.9, None), 300 * SECOND);
    }

    #[test]
    fn the_cap_never_shortens_the_first_wait() {
        let config = CircuitBreakerConfig { max_reset_timeout: SECOND, ..growing() };
        assert_eq!(open_wait(&config, 3, 0.0, None), 60 * SECOND);
    }

    #[test]
    fn a_wait_that_neither_grows_nor_jitters_is_exact() {
        let reset_timeout = Duration::new(100_000_000, 1);
        let config = CircuitBreakerConfig { reset_timeout, ..Default::default() };
        assert_eq!(open_wait(&config, 3, 0.9, None), reset_timeout);
    }

    #[test]
    fn the_longest_wait_is_ten_years() {
        let config = CircuitBreakerConfig { reset_timeout: Duration::MAX, ..growing() };
        assert_eq!(open_wait(&config, 0, 0.0, None), 3650 * 86_400 * SECOND);
    }

    #[test]
    fn a_hint_lengthens_the_wait_up_to_its_own_cap_and_never_shortens_it() {
        let config = CircuitBreakerConfig::default();
        let waits = [0, 59, 61, 300, 86_400].map(|hint| open_wait(&config, 0, 0.0, Some(hint * SECOND)).as_secs());
        assert_eq!(waits, [60, 60, 61, 300, 300]);
        let deaf = CircuitBreakerConfig { max_retry_after: Duration::ZERO, ..config };
        assert_eq!(open_wait(&deaf, 0, 0.0, Some(86_400 * SECOND)), 60 * SECOND);
    }

    proptest! {
        /// Peers let jitter lengthen a wait beyond the cap that it was cut to.
        #[test]
        fn jitter_scatters_within_its_part_and_never_beyond_the_cap(
            again in 0_u32..40,
            dice in 0.0..1.0_f64,
            jitter in 0.0..1.0_f64,
        ) {
            let config = CircuitBreakerConfig { reset_jitter: jitter, ..growing() };
            let plain = open_wait(&growing(), again, dice, None);
            let wait = open_wait(&config, again, dice, None);
            prop_assert!(wait >= plain && wait <= config.max_reset_timeout);
            prop_assert!(wait <= plain.mul_f64(1.0 + jitter) + Duration::from_nanos(1000));
        }
    }
}
