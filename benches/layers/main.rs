//! Our layers beside their peers, on the same service in the same process.
//!
//! `cargo bench --bench layers` lets criterion measure and draw; `scripts/bench-check` prints the table and judges the
//! budgets. Both take a part of a row's name.

mod budgets;
mod harness;
mod rows;

use std::process::ExitCode;

use criterion::Criterion;

use self::{
    budgets::BUDGETS,
    harness::{
        contender::Row,
        measure::{self, Run},
        table::{self, Measured},
    },
    rows::ROWS,
};

/// What was asked for on the command line.
struct Asked {
    table: bool,
    filter: String,
    rounds: usize,
}

impl Asked {
    fn read() -> Self {
        let mut asked = Self { table: false, filter: String::new(), rounds: 31 };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--table" => asked.table = true,
                "--rounds" => {
                    let number = arguments.next().and_then(|number| number.parse().ok());
                    asked.rounds = number.expect("--rounds takes a number");
                }
                flag if flag.starts_with('-') => {}
                filter => filter.clone_into(&mut asked.filter),
            }
        }
        asked
    }

    fn wants(&self, id: &str) -> bool {
        id.contains(&self.filter)
    }
}

fn main() -> ExitCode {
    let asked = Asked::read();
    if asked.table {
        return print_table(&asked);
    }
    draw(&asked);
    ExitCode::SUCCESS
}

/// Criterion's statistics and charts: one contender after the other, so not for comparisons of a few per cent.
fn draw(asked: &Asked) {
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();
    for (id, fill) in ROWS.iter().filter(|(id, _)| asked.wants(id)) {
        let mut row = Row::default();
        fill(&mut row);
        let mut group = criterion.benchmark_group(*id);
        group.warm_up_time(std::time::Duration::from_millis(200));
        group.measurement_time(std::time::Duration::from_secs(1));
        for contender in &row.contenders {
            for tasks in if contender.shared { 1..=2 } else { 1..=1 } {
                let name = format!("{} {tasks}T", contender.name);
                group.bench_function(name, |bencher| {
                    bencher.iter_custom(|calls| measure::time(contender, tasks, calls));
                });
            }
        }
        group.finish();
    }
    criterion.final_summary();
}

fn print_table(asked: &Asked) -> ExitCode {
    let known = |row: &str| ROWS.iter().any(|(id, _)| *id == row);
    assert!(BUDGETS.iter().all(|budget| known(budget.row)), "a budget is for a row that there is not");
    let rows = measure_all(asked);
    table::print(&rows);
    println!("\nA budget in nanoseconds is one of the reference machine, times how much longer its floors take here:");
    let verdicts: Vec<_> = BUDGETS.iter().flat_map(|budget| table::judge(budget, &rows)).collect();
    for verdict in &verdicts {
        println!("{} {} | {}", if verdict.met { "met   " } else { "MISSED" }, verdict.source, verdict.text);
    }
    let missed = verdicts.iter().filter(|verdict| !verdict.met).count();
    println!("\n{} limits, {missed} missed", verdicts.len());
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Every contender of every row once in each round, so that what disturbs the machine disturbs all alike.
fn measure_all(asked: &Asked) -> Vec<Measured> {
    let wanted = ROWS.iter().filter(|(id, _)| *id == rows::FLOORS || asked.wants(id));
    let mut rows: Vec<_> = wanted.map(|(id, fill)| prepare(id, *fill)).collect();
    for round in 0..asked.rounds {
        eprint!("\rround {} of {}", round + 1, asked.rounds);
        for (contender, run) in rows.iter_mut().flat_map(|row| &mut row.contenders) {
            run.round(contender);
        }
    }
    eprintln!();
    for (contender, run) in rows.iter_mut().flat_map(|row| &mut row.contenders) {
        if contender.tail {
            run.time_single_calls(contender);
        }
    }
    rows
}

fn prepare(id: &'static str, fill: fn(&mut Row)) -> Measured {
    eprintln!("preparing {id}");
    let mut row = Row::default();
    fill(&mut row);
    let run = |contender| {
        let run = Run::new(&contender);
        (contender, run)
    };
    let count = |counted: harness::contender::Counted| {
        let count = (counted.count)();
        (counted, count)
    };
    Measured {
        id,
        contenders: row.contenders.into_iter().map(run).collect(),
        counted: row.counted.into_iter().map(count).collect(),
    }
}
