use std::time::Duration;

use fsm_server::crash;

/// SIGKILLs of a plan that nobody asked to be longer.
const FEW_KILLS: usize = 2;
/// The latest pass of a point: far enough to be amid everything else.
const LATE: u64 = 20;

/// How a round ends the process.
#[derive(Debug, Clone, Copy)]
pub(super) enum Death {
    /// At the n-th pass of a crash point.
    Point { name: &'static str, pass: u64 },
    /// By SIGKILL, so long after its start.
    Kill { after: Duration },
}

/// What a run does, made from its seed.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) deaths: Vec<Death>,
}

impl Plan {
    /// Reads `KILL_SEED` and `KILL_ROUNDS`; by default a new seed, every crash point and a few instants.
    pub(super) fn from_environment() -> Self {
        let number = |name: &str| {
            let text = std::env::var(name).ok()?;
            Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number, it is {text:?}")))
        };
        let seed = number("KILL_SEED").unwrap_or_else(|| fastrand::u64(..1_000_000));
        match number("KILL_ROUNDS") {
            Some(rounds) => Self::long(seed, usize::try_from(rounds).expect("a number of rounds")),
            None => Self::short(seed),
        }
    }

    fn short(seed: u64) -> Self {
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut deaths: Vec<_> = crash::ALL.iter().map(|name| Death::Point { name, pass: dice.u64(1..=6) }).collect();
        deaths.extend((0..FEW_KILLS).map(|_| kill(&mut dice)));
        dice.shuffle(&mut deaths);
        Self { seed, deaths }
    }

    /// In turns: every point at its first pass, every point at a later one, and twice as many instants.
    fn long(seed: u64, rounds: usize) -> Self {
        let mut dice = fastrand::Rng::with_seed(seed);
        let points = crash::ALL.len();
        let mut deaths: Vec<_> = (0..rounds)
            .map(|round| match round % (4 * points) {
                turn if turn < points => Death::Point { name: crash::ALL[turn], pass: 1 },
                turn if turn < 2 * points => Death::Point { name: crash::ALL[turn - points], pass: dice.u64(2..=LATE) },
                _ => kill(&mut dice),
            })
            .collect();
        dice.shuffle(&mut deaths);
        Self { seed, deaths }
    }
}

/// Every fourth hits the start of the process, which recovers what the last one left.
fn kill(dice: &mut fastrand::Rng) -> Death {
    let millis = if dice.u8(..4) == 0 { dice.u64(1..150) } else { dice.u64(150..2_000) };
    Death::Kill { after: Duration::from_millis(millis) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dies_at(plan: &Plan, point: &str) -> bool {
        plan.deaths.iter().any(|death| matches!(death, Death::Point { name, .. } if *name == point))
    }

    #[test]
    fn the_short_plan_and_thirty_rounds_pass_every_crash_point() {
        for plan in [Plan::short(1), Plan::long(1, 30)] {
            for point in crash::ALL {
                assert!(dies_at(&plan, point), "{point}");
            }
        }
    }

    #[test]
    fn the_seed_makes_the_plan() {
        let text = |seed| format!("{:?}", Plan::long(seed, 40));
        assert_eq!(text(7), text(7));
        assert_ne!(text(7), text(8));
    }
}
