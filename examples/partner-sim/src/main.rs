//! The stand-ins as a program of their own.

#![forbid(unsafe_code)]

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::Parser;
use partner_sim::{Sim, SimConfig};

/// Stateful stand-ins of Pyxis, Tempo, Oracle Fusion and Conexxus, with fault injection.
#[derive(Parser)]
#[command(name = "partner-sim", version)]
struct Arguments {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:9090")]
    listen: SocketAddr,
    /// Seed of faults that have a probability
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// File that keeps the ledger over restarts
    #[arg(long)]
    journal: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_env_filter("info").with_writer(std::io::stderr).init();
    let arguments = Arguments::parse();
    let config = SimConfig {
        listen: arguments.listen,
        seed: arguments.seed,
        journal: arguments.journal,
        ..SimConfig::default()
    };
    match serve(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("partner-sim cannot run on {}: {error}", arguments.listen);
            ExitCode::FAILURE
        }
    }
}

async fn serve(config: SimConfig) -> std::io::Result<()> {
    let sim = Sim::start(config).await?;
    let url = sim.url();
    println!("listening on {url}");
    println!("  sales     {url}/pyxis  {url}/tempo");
    println!("  oracle    {url}/oracle/fscmRestApi/resources/11.13.18.05");
    println!("  conexxus  {url}/conexxus/api/v1");
    println!("  ledger    {url}/_sim/ledger");
    tokio::signal::ctrl_c().await?;
    for violation in sim.ledger().violations() {
        println!("violation: {violation}");
    }
    sim.shutdown().await;
    Ok(())
}
