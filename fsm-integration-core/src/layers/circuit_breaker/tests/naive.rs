//! The breaker, its lock-free paths included, against a naive one that keeps every result in a list.

use std::{mem::discriminant, ops::RangeInclusive};

use proptest::prelude::*;

use super::*;
use crate::{
    clock::nanos,
    error::{Error, ErrorKind},
};

const MILLI: u64 = 1_000_000;

#[derive(Debug, Clone, Copy)]
enum Step {
    Admit,
    /// Ends one of the calls under way, chosen by the number.
    End(usize, Outcome),
    /// As [`End`](Self::End), with a failure that asks for so many milliseconds of patience.
    Fail(usize, u64),
    Wait(u64),
    Control(Control),
    /// From now on another failure rate, in tenths, and another minimum.
    Reconfigure(u32, u32),
    /// From now on another kind of model.
    Remodel(CircuitModel),
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![
        4 => Just(Outcome::Success), 4 => Just(Outcome::Failure), 1 => Just(Outcome::Neutral), 1 => Just(Outcome::Cancelled)
    ];
    let control = prop_oneof![Just(Control::Automatic), Just(Control::ForcedOpen), Just(Control::Disabled)];
    prop_oneof![
        12 => Just(Step::Admit),
        12 => (any::<usize>(), outcome).prop_map(|(call, outcome)| Step::End(call, outcome)),
        4 => (0_u64..400).prop_map(Step::Wait),
        1 => control.prop_map(Step::Control),
    ]
}

fn step_under_changing_settings() -> impl Strategy<Value = Step> {
    let reconfigure = (0_u32..12, 0_u32..10).prop_map(|(rate, minimum)| Step::Reconfigure(rate, minimum));
    prop_oneof![20 => step(), 1 => reconfigure]
}

fn step_of_everything() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => step_under_changing_settings(),
        4 => (any::<usize>(), 0_u64..3000).prop_map(|(call, patience)| Step::Fail(call, patience)),
        // Longer than what it takes to be stable.
        2 => (400_u64..3000).prop_map(Step::Wait),
        1 => Just(Step::Control(Control::MetricsOnly)),
        1 => model().prop_map(Step::Remodel),
    ]
}

fn model() -> impl Strategy<Value = CircuitModel> {
    prop_oneof![
        Just(CircuitModel::Consecutive),
        (0_u32..12).prop_map(|size| CircuitModel::CountWindow { size }),
        (1_u64..2000, 0_u32..8).prop_map(|(millis, buckets)| CircuitModel::TimeWindow {
            duration: Duration::from_millis(millis),
            buckets
        }),
    ]
}

fn tenth(tenths: u32) -> f64 {
    f64::from(tenths) / 10.0
}

fn config() -> impl Strategy<Value = CircuitBreakerConfig> {
    let counts = (0_u32..5, 0_u32..4, 0_u32..4, 0_u32..10);
    let rates = (0_u32..12, prop::option::of(0_u32..12), 0_u32..12);
    let times = (0_u64..500, 0_u64..500, prop::option::of(0_u64..500));
    (model(), counts, rates, times, any::<bool>()).prop_map(|(model, counts, rates, times, count_cancelled)| {
        let (failure_threshold, success_threshold, half_open_max_calls, minimum_calls) = counts;
        CircuitBreakerConfig {
            model,
            failure_threshold,
            success_threshold,
            half_open_max_calls,
            minimum_calls,
            failure_rate: tenth(rates.0),
            half_open_failure_rate: rates.1.map(tenth),
            slow_call_rate: tenth(rates.2),
            reset_timeout: Duration::from_millis(times.0),
            half_open_timeout: Duration::from_millis(times.1),
            slow_call_duration: times.2.map(Duration::from_millis),
            count_cancelled,
            ..Default::default()
        }
    })
}

/// Waits that grow, scatter and obey the partner.
fn config_of_waits() -> impl Strategy<Value = CircuitBreakerConfig> {
    let growth = (0_u32..4, 0_u64..4000, prop_oneof![0_u64..2000, 0_u64..3]);
    // Most often exact, so that a wait that is too short by little is found.
    let jitter = prop_oneof![3 => Just(0.0), 1 => 0.0..1.0_f64];
    (config(), growth, jitter, 0_u64..2000).prop_map(|(config, growth, reset_jitter, hint)| CircuitBreakerConfig {
        reset_multiplier: growth.0.into(),
        max_reset_timeout: Duration::from_millis(growth.1),
        stable_after: Duration::from_millis(growth.2),
        reset_jitter,
        max_retry_after: Duration::from_millis(hint),
        ..config
    })
}

/// Settings from the ends of what their types hold.
fn extreme_config() -> impl Strategy<Value = CircuitBreakerConfig> {
    let count = || prop::sample::select(vec![0, 1, 2, u32::MAX]);
    let rate = || prop::sample::select(vec![-1.0, 0.0, 0.5, 1.0, f64::INFINITY, f64::NAN]);
    let length = prop::sample::select(vec![Duration::ZERO, Duration::from_nanos(1), SECOND, 1_000_000_000 * SECOND]);
    let model = prop_oneof![
        Just(CircuitModel::Consecutive),
        count().prop_map(|size| CircuitModel::CountWindow { size }),
        (length, count()).prop_map(|(duration, buckets)| CircuitModel::TimeWindow { duration, buckets }),
    ];
    let counts = (count(), count(), count(), count());
    (config(), model, counts, (rate(), prop::option::of(rate()), rate())).prop_map(|(config, model, counts, rates)| {
        let (failure_threshold, success_threshold, half_open_max_calls, minimum_calls) = counts;
        let (failure_rate, half_open_failure_rate, slow_call_rate) = rates;
        CircuitBreakerConfig {
            model,
            failure_threshold,
            success_threshold,
            half_open_max_calls,
            minimum_calls,
            failure_rate,
            half_open_failure_rate,
            slow_call_rate,
            ..config
        }
    })
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Closed,
    Open { until: u64 },
    HalfOpen { probes: u32, silent_since: Option<u64> },
    Controlled(Control),
}

/// When it ended, whether it failed, whether it was slow.
type Ended = (u64, bool, bool);

/// A call under way: the period it began in and, if it is timed, when.
type Begun = (u32, Option<u64>);

/// A call that was made although it would have been refused.
const UNCOUNTED: Begun = (u32::MAX, None);

/// Time in milliseconds since the beginning; waits in nanoseconds, since jitter keeps to no milliseconds.
struct Naive {
    config: CircuitBreakerConfig,
    now: u64,
    phase: Phase,
    period: u32,
    since: u64,
    /// Of the period.
    ended: Vec<Ended>,
    opened: u64,
    /// Openings without a stable while between.
    again: u32,
    /// Only tells what it would refuse.
    shadow: bool,
    /// Since when it is open and how long it may be, until the breaker has said how long it is.
    wait: Option<(u64, RangeInclusive<u64>)>,
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

/// Whether so many of the whole are at least so many tenths, without a rounding anywhere.
fn reaches(count: usize, whole: usize, rate: f64) -> bool {
    count > 0 && !rate.is_nan() && count * 10 >= whole.saturating_mul((rate * 10.0).round() as usize)
}

impl Naive {
    fn new(config: CircuitBreakerConfig) -> Self {
        let (phase, ended) = (Phase::Closed, Vec::new());
        Self { config, now: 0, phase, period: 0, since: 0, ended, opened: 0, again: 0, shadow: false, wait: None }
    }

    fn enter(&mut self, phase: Phase) {
        (self.phase, self.period, self.since) = (phase, self.period + 1, self.now);
        self.ended.clear();
    }

    fn trip(&mut self, patience: u64) {
        self.trip_at(self.now, patience);
    }

    fn trip_at(&mut self, at: u64, patience: u64) {
        if self.phase == Phase::Closed && self.now - self.since >= millis(self.config.stable_after) {
            self.again = 0;
        }
        self.wait = Some((at * MILLI, self.waits(patience)));
        self.again += 1;
        self.opened += 1;
        self.enter(Phase::Open { until: u64::MAX });
    }

    /// From the wait without jitter to the longest with it.
    fn waits(&self, patience: u64) -> RangeInclusive<u64> {
        let first = millis(self.config.reset_timeout);
        let cap = millis(self.config.max_reset_timeout).max(first);
        let factor = (self.config.reset_multiplier as u64).max(1);
        let plain = (0..self.again).fold(first, |wait, _| wait.saturating_mul(factor)).min(cap);
        let jitter = (plain as f64 * self.config.reset_jitter).ceil() as u64;
        let hint = patience.min(millis(self.config.max_retry_after));
        plain.max(hint) * MILLI..=(plain + jitter).min(cap).max(hint) * MILLI
    }

    fn is_timed(&self) -> bool {
        self.config.model != CircuitModel::Consecutive && self.config.slow_call_duration.is_some()
    }

    fn begun(&self) -> Begun {
        (self.period, self.is_timed().then_some(self.now))
    }

    /// What timers would have done by now; whether a wait is over that jitter leaves in doubt, the other says.
    fn run_timers(&mut self, is_over: impl FnOnce() -> bool) {
        if let Phase::HalfOpen { silent_since: Some(since), .. } = self.phase {
            let over = since + millis(self.config.half_open_timeout);
            if self.now >= over {
                self.trip_at(over, 0);
            }
        }
        let (now, Phase::Open { until }) = (self.now * MILLI, self.phase) else { return };
        let over = match &self.wait {
            Some((at, waits)) => now >= at + waits.end() || now >= at + waits.start() && is_over(),
            None => now >= until,
        };
        if over {
            self.wait = None;
            self.enter(Phase::HalfOpen { probes: 0, silent_since: None });
        }
    }

    fn admit(&mut self, is_over: impl FnOnce() -> bool) -> bool {
        self.run_timers(is_over);
        let Phase::HalfOpen { probes, silent_since } = self.phase else {
            return !matches!(self.phase, Phase::Open { .. } | Phase::Controlled(Control::ForcedOpen));
        };
        let missing = self.config.success_threshold.max(1) - self.ended.len() as u32;
        if probes >= self.config.half_open_max_calls.max(1).min(missing) {
            return false;
        }
        self.phase = Phase::HalfOpen { probes: probes + 1, silent_since: silent_since.or(Some(self.now)) };
        true
    }

    fn record(&mut self, (period, began): Begun, outcome: Outcome, patience: u64) {
        if period != self.period {
            return;
        }
        let slow = self.config.slow_call_duration.filter(|_| self.is_timed());
        let slow = slow.zip(began).is_some_and(|(slow, began)| self.now - began >= millis(slow));
        let failed = match outcome {
            Outcome::Success => Some(false),
            Outcome::Failure => Some(true),
            Outcome::Cancelled => self.config.count_cancelled.then_some(true),
            Outcome::Neutral => None,
        };
        self.ended.extend(failed.map(|failed| (self.now, failed, slow)));
        match self.phase {
            Phase::Closed if failed.is_some() => self.judge(patience),
            Phase::HalfOpen { probes, silent_since } => {
                let others = (probes > 1).then_some(self.now);
                let silent_since = if failed.is_some() { others } else { silent_since };
                self.phase = Phase::HalfOpen { probes: probes - 1, silent_since };
                self.judge_probes(patience);
            }
            _ => {}
        }
    }

    fn judge(&mut self, patience: u64) {
        let window = self.window();
        let (calls, failures, slow) = figures(&window);
        let open = match self.config.model {
            CircuitModel::Consecutive => failures >= self.config.failure_threshold.max(1) as usize,
            CircuitModel::CountWindow { size } => {
                calls >= self.config.minimum_calls.min(size.max(1)) as usize && self.too_many(calls, failures, slow)
            }
            CircuitModel::TimeWindow { .. } => {
                calls >= self.config.minimum_calls as usize && self.too_many(calls, failures, slow)
            }
        };
        if open {
            self.trip(patience);
        }
    }

    fn too_many(&self, calls: usize, failures: usize, slow: usize) -> bool {
        reaches(failures, calls, self.config.failure_rate) || reaches(slow, calls, self.config.slow_call_rate)
    }

    /// What is looked at together, picked out of everything.
    fn window(&self) -> Vec<Ended> {
        match self.config.model {
            CircuitModel::Consecutive => self
                .ended
                .iter()
                .rev()
                .take_while(|(_, failed, _)| *failed)
                .map(|(at, ..)| (*at, true, false))
                .collect(),
            CircuitModel::CountWindow { size } => self.ended.iter().rev().take(size.max(1) as usize).copied().collect(),
            CircuitModel::TimeWindow { duration, buckets } => {
                let buckets = u64::from(buckets.clamp(1, 1000));
                let bucket = (duration.as_nanos() as u64 / buckets).max(1);
                let number = |at: u64| at * MILLI / bucket;
                self.ended.iter().filter(|(at, ..)| number(*at) + buckets > number(self.now)).copied().collect()
            }
        }
    }

    fn judge_probes(&mut self, patience: u64) {
        let (judged, (calls, failures, slow)) = (self.config.success_threshold.max(1) as usize, figures(&self.ended));
        let failed = match self.config.half_open_failure_rate {
            None => failures > 0,
            Some(rate) => reaches(failures, judged, rate),
        };
        if failed || reaches(slow, judged, self.config.slow_call_rate) {
            self.trip(patience);
        } else if calls >= judged {
            self.enter(Phase::Closed);
        }
    }

    fn control(&mut self, control: Control) {
        (self.shadow, self.again) = (control == Control::MetricsOnly, 0);
        let is_free = self.shadow || control == Control::Automatic;
        self.enter(if is_free { Phase::Closed } else { Phase::Controlled(control) });
    }

    /// What was counted for another kind of model is not this one's.
    fn remodel(&mut self, model: CircuitModel) {
        if self.phase == Phase::Closed && discriminant(&model) != discriminant(&self.config.model) {
            self.period += 1;
            self.ended.clear();
        }
        self.config.model = model;
    }

    fn picture(&self) -> Picture {
        let verdict = match self.phase {
            Phase::Closed | Phase::Controlled(Control::Disabled) => CircuitState::Closed,
            Phase::HalfOpen { .. } => CircuitState::HalfOpen,
            Phase::Open { .. } | Phase::Controlled(_) => CircuitState::Open,
        };
        let figures = match self.phase {
            Phase::Closed => figures(&self.window()),
            Phase::HalfOpen { .. } => figures(&self.ended),
            Phase::Open { .. } | Phase::Controlled(_) => (0, 0, 0),
        };
        let left =
            if let Phase::Open { until } = self.phase { Some(until.saturating_sub(self.now * MILLI)) } else { None };
        let probes = if let Phase::HalfOpen { probes, .. } = self.phase { probes } else { 0 };
        let state = if self.shadow { CircuitState::Closed } else { verdict };
        ((state, verdict), figures, probes, self.opened, left)
    }
}

/// State and what it would be without shadow, figures, probes, how often opened, nanoseconds left open.
type Picture = ((CircuitState, CircuitState), (usize, usize, usize), u32, u64, Option<u64>);

fn figures(ended: &[Ended]) -> (usize, usize, usize) {
    let count = |which: fn(&&Ended) -> bool| ended.iter().filter(which).count();
    (ended.len(), count(|(_, failed, _)| *failed), count(|(.., slow)| *slow))
}

fn picture(breaker: &CircuitBreaker<VirtualClock>) -> Picture {
    let CircuitSnapshot { state, verdict, calls, failures, slow, probes, opened, retry_after, .. } = breaker.snapshot();
    let figures = (calls as usize, failures as usize, slow as usize);
    ((state, verdict), figures, probes, opened, retry_after.map(nanos))
}

/// The two side by side.
struct Pair {
    breaker: CircuitBreaker<VirtualClock>,
    clock: VirtualClock,
    naive: Naive,
    under_way: Vec<(Permit<VirtualClock>, Begun)>,
}

impl Pair {
    fn new(config: CircuitBreakerConfig) -> Self {
        let (breaker, clock) = breaker(config);
        Self { breaker, clock, naive: Naive::new(config), under_way: Vec::new() }
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        let Self { breaker, clock, naive, under_way } = self;
        match step {
            Step::Admit => {
                let permit = breaker.try_acquire();
                let admitted = naive.admit(|| breaker.snapshot().verdict != CircuitState::Open);
                prop_assert_eq!(permit.is_ok(), admitted || naive.shadow);
                let begun = if admitted { naive.begun() } else { UNCOUNTED };
                under_way.extend(permit.ok().map(|permit| (permit, begun)));
            }
            Step::End(..) | Step::Fail(..) if under_way.is_empty() => {}
            Step::End(call, outcome) => {
                let (permit, call) = under_way.swap_remove(call % under_way.len());
                permit.record(outcome);
                naive.record(call, outcome, 0);
            }
            Step::Fail(call, patience) => {
                let (permit, call) = under_way.swap_remove(call % under_way.len());
                let hint = Some(Duration::from_millis(patience));
                let failed = Error::new(ErrorKind::Unavailable, "503").with_retry_after(hint);
                prop_assert!(permit.record_result(Err::<(), _>(failed)).is_err());
                naive.record(call, Outcome::Failure, patience);
            }
            Step::Wait(wait) => {
                clock.advance(Duration::from_millis(wait));
                naive.now += wait;
            }
            Step::Control(control) => {
                breaker.core.control(control);
                naive.control(control);
            }
            Step::Reconfigure(tenths, minimum_calls) => {
                naive.config = CircuitBreakerConfig { failure_rate: tenth(tenths), minimum_calls, ..naive.config };
                breaker.reconfigure(naive.config);
            }
            // How a window of other measures goes on is tested beside the windows.
            Step::Remodel(model) if discriminant(&model) == discriminant(&naive.config.model) => {}
            Step::Remodel(model) => {
                naive.remodel(model);
                breaker.reconfigure(naive.config);
            }
        }
        prop_assert_eq!(breaker.state(), naive.picture().0.0);
        self.agree_on_the_wait()
    }

    /// Where jitter leaves a choice, the naive breaker takes over the other's.
    fn agree_on_the_wait(&mut self) -> Result<(), TestCaseError> {
        if let Some((at, waits)) = self.naive.wait.take() {
            let until = self.naive.now * MILLI + self.breaker.snapshot().retry_after.map_or(0, nanos);
            prop_assert!(waits.contains(&(until - at)), "{} is not in {waits:?}", until - at);
            self.naive.phase = Phase::Open { until };
        }
        Ok(())
    }

    fn look(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(picture(&self.breaker), self.naive.picture());
        Ok(())
    }
}

/// Looking takes the tally over: without it, what is tallied beside the machine stays there for longer.
fn agree(config: CircuitBreakerConfig, steps: Vec<Step>, looks: bool) -> Result<(), TestCaseError> {
    let mut pair = Pair::new(config);
    for step in steps {
        pair.step(step)?;
        if looks {
            pair.look()?;
        }
    }
    pair.look()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Its strategies stay as they are: the saved seeds mean something by them only.
    #[test]
    fn it_decides_as_a_naive_breaker_does(
        config in config(),
        steps in prop::collection::vec(step(), 0..120),
        looks in any::<bool>(),
    ) {
        agree(config, steps, looks)?;
    }

    #[test]
    fn it_decides_as_a_naive_breaker_does_under_changing_and_extreme_settings(
        config in prop_oneof![config(), extreme_config()],
        steps in prop::collection::vec(step_under_changing_settings(), 0..120),
        looks in any::<bool>(),
    ) {
        agree(config, steps, looks)?;
    }

    #[test]
    fn it_decides_as_a_naive_breaker_does_whatever_can_be_set(
        config in prop_oneof![3 => config_of_waits(), 1 => extreme_config()],
        steps in prop::collection::vec(step_of_everything(), 0..160),
        looks in any::<bool>(),
    ) {
        agree(config, steps, looks)?;
    }
}
