//! The table: every contender with its ratios, every budget with its verdict.

use super::{
    contender::{Contender, Counted, Side},
    measure::{Run, Tail},
};
use crate::budgets::{Budget, FLOORS, Limit};

/// One row, measured.
pub(crate) struct Measured {
    pub(crate) id: &'static str,
    pub(crate) contenders: Vec<(Contender, Run)>,
    pub(crate) counted: Vec<(Counted, f64)>,
}

/// How much slower the machine is than the reference, by its floors in this run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine {
    pub(crate) one_task: f64,
    pub(crate) two_tasks: f64,
    /// What a single call of nothing takes when it is timed alone.
    pub(crate) timer: f64,
}

/// Whether ours keeps one limit.
pub(crate) struct Verdict {
    pub(crate) source: &'static str,
    pub(crate) text: String,
    pub(crate) met: bool,
}

impl Measured {
    fn of(&self, side: Side) -> impl Iterator<Item = &Run> {
        self.contenders.iter().filter(move |(contender, _)| contender.side == side).map(|(_, run)| run)
    }

    fn named(&self, name: &str) -> Option<&Run> {
        self.contenders.iter().find(|(contender, _)| contender.name == name).map(|(_, run)| run)
    }

    /// The floor that the row's ratios refer to: its first.
    fn floor(&self) -> Option<f64> {
        self.of(Side::Floor).next().map(|run| run.one.median())
    }

    fn best_peer(&self) -> Option<f64> {
        self.of(Side::Peer).map(|run| run.one.median()).min_by(f64::total_cmp)
    }
}

impl Machine {
    pub(crate) fn of(floors: &Measured) -> Self {
        let slower = |measured: f64, reference: f64| (measured / reference).ln();
        let runs = FLOORS.map(|floor| floors.named(floor.name).expect("every floor is measured"));
        let one = FLOORS.iter().zip(runs).map(|(floor, run)| slower(run.one.median(), floor.one_task));
        let two = FLOORS.iter().zip(runs).filter_map(|(floor, run)| Some(slower(run.two.median(), floor.two_tasks?)));
        let timer = floors.named("tower no-op").and_then(|run| run.tail).map_or(0.0, |[alone, _]| alone.median);
        Self { one_task: mean(one).exp(), two_tasks: mean(two).exp(), timer }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

/// Prints all rows as one Markdown table.
pub(crate) fn print(rows: &[Measured], machine: Machine) {
    println!("\n| row | contender | 1T ns | ± | 2T ns | x floor | x best peer | allocations | p99.9 1T / 2T |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for row in rows {
        for (contender, run) in &row.contenders {
            print_contender(row, contender, run, machine);
        }
        for (counted, count) in &row.counted {
            println!("| {} | {} | {count:.1} {} | | | | | | |", row.id, name(counted.side, counted.name), counted.unit);
        }
    }
}

fn print_contender(row: &Measured, contender: &Contender, run: &Run, machine: Machine) {
    let one = run.one.median();
    let by = |other: Option<f64>| other.map_or(String::new(), |other| format!("{:.2}", one / other));
    let two = if contender.shared { ns(run.two.median()) } else { String::new() };
    let tail = run.tail.map_or(String::new(), |[alone, beside]| {
        format!("{} / {}", ns(without_timer(alone, machine)), ns(without_timer(beside, machine)))
    });
    println!(
        "| {} | {} | {} | {:.0} % | {two} | {} | {} | {:.1} | {tail} |",
        row.id,
        name(contender.side, contender.name),
        ns(one),
        50.0 * run.one.spread(),
        by(row.floor()),
        by(row.best_peer()),
        run.allocations,
    );
}

fn name(side: Side, name: &str) -> String {
    match side {
        Side::Floor => format!("_{name}_"),
        Side::Ours => format!("**{name}**"),
        Side::OursAlso | Side::Peer => name.to_owned(),
    }
}

fn ns(value: f64) -> String {
    if value < 20.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

fn without_timer(tail: Tail, machine: Machine) -> f64 {
    (tail.p999 - machine.timer).max(0.0)
}

/// Judges one budget; a row in which ours is missing misses every limit.
pub(crate) fn judge(budget: &Budget, rows: &[Measured], machine: Machine) -> Vec<Verdict> {
    let find = |id: &str| rows.iter().find(|row| row.id == id);
    let Some(row) = find(budget.row) else { return Vec::new() };
    let judge = |limit: &Limit| {
        let (what, allowed, measured) = measured_by(limit, row, find, machine);
        let met = measured.is_some_and(|measured| measured <= allowed);
        let measured = measured.map_or("there is none of ours".to_owned(), |measured| format!("{measured:.2}"));
        Verdict { source: budget.source, text: format!("{what} ≤ {allowed:.2}: {measured}"), met }
    };
    budget.limits.iter().map(judge).collect()
}

/// What is compared, what is allowed on this machine, and what was measured.
fn measured_by<'a>(
    limit: &Limit,
    row: &'a Measured,
    find: impl Fn(&str) -> Option<&'a Measured>,
    machine: Machine,
) -> (String, f64, Option<f64>) {
    let ours = row.of(Side::Ours).next();
    let one = ours.map(|run| run.one.median());
    match *limit {
        Limit::OneTask(budget) => (format!("1T ns ({budget})"), budget * machine.one_task, one),
        Limit::TwoTasks(budget) => {
            // What shares no written word scales as one task does: the slower machine factor is the fair one.
            let factor = machine.two_tasks.max(machine.one_task);
            (format!("2T ns ({budget})"), budget * factor, ours.map(|run| run.two.median()))
        }
        Limit::TwoByOne(budget) => ("2T by 1T".to_owned(), budget, ours.map(|run| run.two.median() / run.one.median())),
        Limit::Tail(budget) => {
            let tail = ours.and_then(|run| run.tail).map(|[alone, _]| without_timer(alone, machine));
            (format!("p99.9 ns ({budget})"), budget * machine.one_task, tail)
        }
        Limit::Allocations(budget) => ("allocations".to_owned(), budget, ours.map(|run| run.allocations)),
        Limit::TimesFloor(budget) => {
            ("x floor".to_owned(), budget, one.zip(row.floor()).map(|(one, floor)| one / floor))
        }
        Limit::TimesRow(other, budget) => {
            let other_one = find(other).and_then(|row| row.of(Side::Ours).next()).map(|run| run.one.median());
            (format!("x {other}"), budget, one.zip(other_one).map(|(one, other)| one / other))
        }
        Limit::Count(unit, budget) => {
            let mine = |(counted, _): &&(Counted, f64)| counted.side == Side::Ours && counted.unit == unit;
            (unit.to_owned(), budget, row.counted.iter().find(mine).map(|(_, count)| *count))
        }
    }
}
