use partner_sim::Ledger;

use super::{driver::Accepted, judge, plan::Plan, world::World};

/// Prints a line a round: what died, and what the partners have seen by then.
pub(super) struct Table {
    round: usize,
    of: usize,
}

impl Table {
    pub(super) fn start(plan: &Plan) -> Self {
        println!("{} rounds; KILL_SEED={} repeats them", plan.deaths.len(), plan.seed);
        println!("round   how it died                          accepted  settled  violations");
        Self { round: 0, of: plan.deaths.len() }
    }

    pub(super) fn row(&mut self, how: &str, accepted: &[Accepted], world: &World) {
        self.round += 1;
        let (settled, violations) =
            world.sim.with_ledger(|ledger| (judge::settled(ledger, accepted), Ledger::violations(ledger).len()));
        let (round, of, accepted) = (self.round, self.of, accepted.len());
        println!("{round:>3}/{of:<3} {how:<36} {accepted:>8} {settled:>8} {violations:>11}");
    }

    pub(super) fn close(&self, complaints: &[String]) {
        for complaint in complaints.iter().take(50) {
            println!("  ! {complaint}");
        }
        let deaths = self.of;
        match complaints.len() {
            0 => println!("{deaths} deaths, no order lost, nothing done twice"),
            count => println!("{deaths} deaths, {count} complaints"),
        }
    }
}
