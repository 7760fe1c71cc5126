//! The real binary under load is killed, again and again; what its partners saw says whether anything was lost or done
//! twice.
//!
//! ```text
//!  driver ── orders, check-ins, signatures ──► fsm-server (a process) ── callbacks, outcomes, invoices ──► partner-sim
//!    │  repeats until answered                   ▲ dies at a crash point, or by SIGKILL                     │ outlives it
//!    └────────────── every 202 ─────────► judge ◄┴───────────── its own API ────────────────── ledger ──────┘
//! ```
//!
//! `KILL_ROUNDS` asks for more rounds, `KILL_SEED` repeats a run; `scripts/kill-test` sets both.

mod api;
mod driver;
mod judge;
mod plan;
mod process;
mod table;
mod world;

use std::time::Duration;

use self::{
    driver::Driver,
    plan::{Death, Plan},
    process::{Ended, Server},
    table::Table,
    world::World,
};

/// How long a crash point may stay unreached under load.
const REACH: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_no_accepted_order_and_does_nothing_twice() {
    let plan = Plan::from_environment();
    let world = World::start(&plan).await;
    let driver = Driver::start(world.api(), plan.seed);
    let mut table = Table::start(&plan);
    for death in &plan.deaths {
        let how = round(&world, *death).await;
        table.row(&how, &driver.accepted(), &world);
    }
    let mut server = Server::start(&world, None);
    let complaints = tokio::select! {
        complaints = judge::settle_and_judge(&world, driver) => complaints,
        ended = server.ended() => panic!("the server ended by itself ({ended:?}); {}", world.log_hint()),
    };
    table.close(&complaints);
    if !complaints.is_empty() {
        let folder = world.keep();
        panic!("{} complaints; seed {}, data and log in {}", complaints.len(), plan.seed, folder.display());
    }
    server.kill().await;
}

/// Starts the server, lets it die, and tells how it did.
async fn round(world: &World, death: Death) -> String {
    match death {
        Death::Point { name, pass } => {
            let mut server = Server::start(world, Some((name, pass)));
            let ended = tokio::time::timeout(REACH, server.ended()).await;
            match ended {
                Ok(Ended::Aborted) => format!("{name}, pass {pass}"),
                Ok(Ended::Otherwise(how)) => panic!("the server ended by itself ({how}); {}", world.log_hint()),
                Err(_) => panic!("{name} was not passed {pass} times within {REACH:?}; {}", world.log_hint()),
            }
        }
        Death::Kill { after } => {
            let mut server = Server::start(world, None);
            if let Ok(ended) = tokio::time::timeout(after, server.ended()).await {
                panic!("the server ended by itself ({ended:?}); {}", world.log_hint());
            }
            server.kill().await;
            format!("SIGKILL after {} ms", after.as_millis())
        }
    }
}
