//! The machine and the rules that hold whatever happens in whatever order.

use proptest::prelude::*;

use super::{
    super::{
        state::{Loss, Machine, Moment},
        ticket::Ticket,
    },
    *,
};

#[derive(Debug, Clone, Copy)]
enum Step {
    Admit,
    /// Ends one of the calls under way, chosen by the number.
    End(usize, Outcome),
    Wait(u64),
    Control(Control),
}

fn step() -> impl Strategy<Value = Step> {
    let outcome =
        prop_oneof![Just(Outcome::Success), Just(Outcome::Failure), Just(Outcome::Neutral), Just(Outcome::Cancelled)];
    let control = prop_oneof![Just(Control::Automatic), Just(Control::ForcedOpen), Just(Control::Disabled)];
    prop_oneof![
        8 => Just(Step::Admit),
        8 => (any::<usize>(), outcome).prop_map(|(call, outcome)| Step::End(call, outcome)),
        3 => (0_u64..100).prop_map(Step::Wait),
        1 => control.prop_map(Step::Control),
    ]
}

fn config() -> impl Strategy<Value = CircuitBreakerConfig> {
    (0_u32..5, 0_u32..5, 0_u32..5, 0_u64..60, 0_u64..60, any::<bool>()).prop_map(
        |(failure_threshold, success_threshold, half_open_max_calls, reset, hung, count_cancelled)| {
            CircuitBreakerConfig {
                failure_threshold,
                success_threshold,
                reset_timeout: Duration::from_secs(reset),
                half_open_max_calls,
                half_open_timeout: Duration::from_secs(hung),
                count_cancelled,
                ..Default::default()
            }
        },
    )
}

const NANOS: u64 = 1_000_000_000;

fn picture(machine: &Machine, now: u64) -> CircuitSnapshot {
    machine.snapshot(&"erp".into(), now)
}

fn moment(now: u64) -> Moment {
    Moment { now, dice: 0.0 }
}

fn run(machine: &mut Machine, config: &CircuitBreakerConfig, now: &mut u64, under_way: &mut Vec<Ticket>, step: Step) {
    match step {
        Step::Admit => {
            let before = picture(machine, *now);
            match machine.admit(moment(*now)) {
                Ok(ticket) => {
                    assert_ne!(before.control, Control::ForcedOpen);
                    assert!(before.retry_after.is_none_or(|left| left.is_zero()), "admitted while open");
                    under_way.push(ticket);
                }
                Err(refusal) => {
                    assert_ne!(before.state, CircuitState::Closed);
                    assert_eq!(refusal.retry_after.is_none(), before.control == Control::ForcedOpen);
                    if let Some(left) = before.retry_after {
                        assert_eq!(refusal.retry_after, Some(left), "the hint is exact while open");
                    }
                }
            }
        }
        Step::End(call, outcome) if !under_way.is_empty() => {
            let ticket = under_way.swap_remove(call % under_way.len());
            let before = picture(machine, *now);
            let current = machine.epoch();
            machine.record(ticket, outcome.into(), moment(*now));
            let after = picture(machine, *now);
            if ticket.epoch() != current {
                assert_eq!(before, after, "a result of an earlier epoch changed something");
            }
            let counted = outcome == Outcome::Failure || outcome == Outcome::Cancelled && config.count_cancelled;
            if ticket.epoch() == current && before.state == CircuitState::HalfOpen && counted {
                assert_eq!(after.state, CircuitState::Open, "a failing probe did not reopen");
            }
        }
        Step::End(..) => {}
        Step::Wait(seconds) => *now += seconds * NANOS,
        Step::Control(control) => {
            machine.control(control, *now);
            assert_eq!(picture(machine, *now).control, control);
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_rules_hold(config in config(), steps in prop::collection::vec(step(), 0..200)) {
        let mut machine = Machine::new(config, 0);
        let mut now = 0;
        let mut under_way = Vec::new();
        for step in steps {
            run(&mut machine, &config, &mut now, &mut under_way, step);
            let picture = picture(&machine, now);
            let probes = under_way.iter().filter(|ticket| ticket.epoch() == machine.epoch()).count();
            if picture.state == CircuitState::HalfOpen {
                prop_assert_eq!(picture.probes as usize, probes, "a probe is lost or counted twice");
                prop_assert!(picture.probes <= config.half_open_max_calls.max(1));
                prop_assert!(picture.probes <= config.success_threshold.max(1));
            } else {
                prop_assert_eq!(picture.probes, 0);
            }
            if picture.state == CircuitState::Closed {
                prop_assert!(picture.failures < config.failure_threshold.max(1).into());
            }
        }
        never_stuck(machine, now, &config)?;
    }
}

fn timed() -> CircuitBreakerConfig {
    let model = CircuitModel::TimeWindow { duration: 10 * SECOND, buckets: 10 };
    CircuitBreakerConfig { model, minimum_calls: 4, ..Default::default() }
}

fn fail(machine: &mut Machine, now: u64) {
    let ticket = machine.admit(moment(now)).expect("admitted");
    machine.record(ticket, Outcome::Failure.into(), moment(now));
}

#[test]
fn what_would_be_lost_with_a_breaker_is_the_more_the_more_it_knows() {
    let mut machine = Machine::new(quick(), 0);
    assert_eq!(machine.loss(0), Some(Loss::Nothing));
    fail(&mut machine, 0);
    assert_eq!(machine.loss(60 * NANOS - 1), None, "it refuses");
    assert_eq!(machine.loss(60 * NANOS), Some(Loss::Caution));
    let probe = machine.admit(moment(60 * NANOS)).expect("half-open");
    assert_eq!(machine.loss(60 * NANOS), None, "a probe is under way");
    machine.record(probe, Outcome::Neutral.into(), moment(60 * NANOS));
    assert_eq!(machine.loss(60 * NANOS), Some(Loss::Caution));
    for control in [Control::MetricsOnly, Control::ForcedOpen, Control::Disabled] {
        machine.control(control, 60 * NANOS);
        assert_eq!(machine.loss(120 * NANOS), None, "{control:?}");
    }

    let mut machine = Machine::new(CircuitBreakerConfig::default(), 0);
    fail(&mut machine, 0);
    assert_eq!(machine.loss(0), Some(Loss::Failures));
}

/// A look at the clock is most of what a call through a closed breaker could cost.
#[test]
fn calls_are_timed_only_where_slow_ones_are_looked_for() {
    let slow_call_duration = Some(SECOND);
    let consecutive = CircuitBreakerConfig { slow_call_duration, ..Default::default() };
    let slow = CircuitBreakerConfig { slow_call_duration, ..timed() };
    for (config, expected) in [(timed(), false), (consecutive, false), (slow, true)] {
        let mut machine = Machine::new(config, 0);
        let ticket = machine.admit(moment(7 * NANOS)).expect("closed");
        assert_eq!((machine.view().timed, ticket.is_timed()), (expected, expected));
    }
}

#[test]
fn successes_are_counted_beside_the_machine_until_the_bucket_ends_or_they_could_open_it() {
    let mut machine = Machine::new(timed(), 0);
    machine.catch_up(0, moment(NANOS));
    assert_eq!((machine.bucket_end(), machine.judges_successes()), (2 * NANOS, false));
    fail(&mut machine, NANOS);
    assert!(machine.judges_successes(), "they could complete the minimum");
}

/// They went to a shard while a failure made the machine judge every success, so nobody else judges them.
#[test]
fn successes_counted_beside_the_machine_open_it_when_they_complete_the_minimum() {
    let mut machine = Machine::new(timed(), 0);
    (0..2).for_each(|_| fail(&mut machine, 0));
    machine.catch_up(1, moment(0));
    assert_eq!(machine.state(), CircuitState::Closed, "three calls are too few");
    machine.catch_up(1, moment(0));
    assert_eq!(machine.state(), CircuitState::Open);
}

/// Whatever state it got into and whatever hangs, a partner that is well closes it again in bounded time.
fn never_stuck(mut machine: Machine, mut now: u64, config: &CircuitBreakerConfig) -> Result<(), TestCaseError> {
    if picture(&machine, now).control != Control::Automatic {
        return Ok(());
    }
    // Successes beside a probe that hangs, two refusals until the machine has given it up, and all over again.
    let bound = 2 * config.success_threshold.max(1) + 1;
    for _ in 0..bound {
        match machine.admit(moment(now)) {
            Ok(ticket) => machine.record(ticket, Outcome::Success.into(), moment(now)),
            Err(_) => now += config.reset_timeout.max(config.half_open_timeout).as_nanos() as u64,
        }
        if machine.state() == CircuitState::Closed {
            return Ok(());
        }
    }
    Err(TestCaseError::fail(format!("not closed after {bound} steps: {machine:?}")))
}
