//! The table: every contender with its ratios, every budget with its verdict.

use super::{
    contender::{Contender, Counted, Side},
    measure::{Run, Tail},
};
use crate::budgets::{Budget, Floor, Limit};

/// One row, measured.
pub(crate) struct Measured {
    pub(crate) id: &'static str,
    pub(crate) contenders: Vec<(Contender, Run)>,
    pub(crate) counted: Vec<(Counted, f64)>,
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
        self.of(Side::Floor).next().map(|run| run.one.undisturbed())
    }

    fn best_peer(&self) -> Option<f64> {
        self.of(Side::Peer).map(|run| run.one.undisturbed()).min_by(f64::total_cmp)
    }
}

/// How many times as long the floors of a budget take here as on the reference machine, with one task and with two.
fn scale(floors: &[Floor], rows: &[Measured]) -> (f64, f64) {
    let mut sums = [0.0; 4];
    for floor in floors {
        let run = find(rows, floor.row).and_then(|row| row.named(floor.name)).expect("every floor is measured");
        let one = run.one.undisturbed();
        // What two tasks do not share takes as long as with one.
        let two = if run.two.is_empty() { one } else { run.two.median() };
        sums = [sums[0] + one, sums[1] + floor.one_task, sums[2] + two, sums[3] + floor.two_tasks];
    }
    if floors.is_empty() { (1.0, 1.0) } else { (sums[0] / sums[1], sums[2] / sums[3]) }
}

fn find<'a>(rows: &'a [Measured], id: &str) -> Option<&'a Measured> {
    rows.iter().find(|row| row.id == id)
}

/// What a single call of nothing takes when it is timed alone.
fn timer(rows: &[Measured]) -> f64 {
    let nothing = find(rows, "floors").and_then(|row| row.named("tower no-op"));
    nothing.and_then(|run| run.tail).map_or(0.0, |[alone, _]| alone.median)
}

/// Prints all rows as one Markdown table.
pub(crate) fn print(rows: &[Measured]) {
    let timer = timer(rows);
    println!("\n| row | contender | 1T ns | ± | 2T ns | x floor | x best peer | allocations | p99.9 1T / 2T |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for row in rows {
        for (contender, run) in &row.contenders {
            print_contender(row, contender, run, timer);
        }
        for (counted, count) in &row.counted {
            println!("| {} | {} | {count:.1} {} | | | | | | |", row.id, name(counted.side, counted.name), counted.unit);
        }
    }
}

fn print_contender(row: &Measured, contender: &Contender, run: &Run, timer: f64) {
    let one = run.one.undisturbed();
    let by = |other: Option<f64>| other.map_or(String::new(), |other| format!("{:.2}", one / other));
    let two = if contender.shared { ns(run.two.median()) } else { String::new() };
    let tail = run.tail.map_or(String::new(), |[alone, beside]| {
        format!("{} / {}", ns(without_timer(alone, timer)), ns(without_timer(beside, timer)))
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
    if value.is_nan() {
        "n/a".to_owned()
    } else if value < 20.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.0}")
    }
}

fn without_timer(tail: Tail, timer: f64) -> f64 {
    (tail.p999 - timer).max(0.0)
}

/// Judges one budget; a row in which ours is missing misses every limit.
pub(crate) fn judge(budget: &Budget, rows: &[Measured]) -> Vec<Verdict> {
    let Some(row) = find(rows, budget.row) else { return Vec::new() };
    let scale = scale(budget.floors, rows);
    let lowest = budget.lowest.and_then(|name| row.named(name)).map(|run| run.one.undisturbed());
    let judge = |limit: &Limit| {
        let (what, allowed, measured) = measured_by(limit, row, rows, scale);
        // No number is never met.
        let met = measured.is_some_and(|measured| measured <= allowed);
        let measured = measured.map_or("there is none of ours".to_owned(), |measured| format!("{measured:.2}"));
        let mut text = format!("{what} ≤ {allowed:.2}: {measured}");
        if let (false, Some(lowest), Limit::OneTask(_)) = (met, lowest, limit) {
            text += &format!(", and the least that can be done takes {lowest:.2}");
        }
        Verdict { source: budget.source, text, met }
    };
    budget.limits.iter().map(judge).collect()
}

/// What is compared, what is allowed on this machine, and what was measured.
fn measured_by(
    limit: &Limit,
    row: &Measured,
    rows: &[Measured],
    (one_scale, two_scale): (f64, f64),
) -> (String, f64, Option<f64>) {
    let ours = row.of(Side::Ours).next();
    let one = ours.map(|run| run.one.undisturbed());
    match *limit {
        Limit::OneTask(budget) => (format!("1T ns, {budget} x {one_scale:.2}"), budget * one_scale, one),
        Limit::TwoTasks(budget) => {
            let two = ours.map(|run| run.two.median());
            (format!("2T ns, {budget} x {two_scale:.2}"), budget * two_scale, two)
        }
        Limit::TwoByOne(budget) => {
            ("2T by 1T".to_owned(), budget, ours.map(|run| run.two.median() / run.one.undisturbed()))
        }
        Limit::Tail(budget) => {
            let tail = ours.and_then(|run| run.tail).map(|[alone, _]| without_timer(alone, timer(rows)));
            (format!("p99.9 ns, {budget} x {one_scale:.2}"), budget * one_scale, tail)
        }
        Limit::Allocations(budget) => ("allocations".to_owned(), budget, ours.map(|run| run.allocations)),
        Limit::TimesFloor(budget) => {
            ("x floor".to_owned(), budget, one.zip(row.floor()).map(|(one, floor)| one / floor))
        }
        Limit::TimesRow(other, budget) => {
            let other_one =
                find(rows, other).and_then(|row| row.of(Side::Ours).next()).map(|run| run.one.undisturbed());
            (format!("x {other}"), budget, one.zip(other_one).map(|(one, other)| one / other))
        }
        Limit::Count(unit, budget) => {
            let mine = |(counted, _): &&(Counted, f64)| counted.side == Side::Ours && counted.unit == unit;
            (unit.to_owned(), budget, row.counted.iter().find(mine).map(|(_, count)| *count))
        }
    }
}
