//! The whole story in one process: the real server, the partners' stand-ins, real signed HTTP between them.
//!
//! Nothing here calls a handler: it posts orders, plays the technician, moves the clock, and looks at what the
//! partners saw. It ends well only if every step was seen at the partners' side.

mod observe;
mod print;
mod setup;
mod story;

use std::path::PathBuf;

use clap::Args;
use fsm_integration_core::error::{Error, ErrorKind, Result};

use self::{print::Printer, setup::World};

/// What the demo can be asked.
#[derive(Debug, Clone, Default, Args)]
pub struct DemoArgs {
    /// Keep the data in this directory instead of a temporary one.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Show the server's log lines too.
    #[arg(long, short)]
    pub verbose: bool,
}

/// Runs the story.
///
/// # Errors
/// A step did not happen, or a partner saw something that must not be; says what.
pub async fn run(args: &DemoArgs) -> Result<()> {
    let printer = Printer::start();
    let world = World::start(args).await?;
    printer.heading("fsm-server demo: one order from the sales system to the provider's invoice");
    printer.heading(&format!("  server    {}   operators {}", world.fsm(), world.operators()));
    printer.heading(&format!("  partners  {}   (Pyxis, Tempo, Oracle, Conexxus)\n", world.sim.url()));
    let told = story::tell(&world, &printer).await;
    let violations = world.sim.with_ledger(partner_sim::Ledger::violations);
    world.stop().await;
    told?;
    if !violations.is_empty() {
        return Err(Error::new(ErrorKind::Internal, format!("a partner complains: {}", violations.join("; "))));
    }
    printer.heading("\nEvery step was seen at the partners' side, and no partner saw anything twice.");
    Ok(())
}
