//! The stand-ins as a program of their own, and the load they can make.

#![forbid(unsafe_code)]

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, Parser, Subcommand};
use partner_sim::{
    Sim, SimConfig,
    load::{self, LoadConfig, LoadUntil},
    sales::OrderBook,
};

/// Stateful stand-ins of Pyxis, Tempo, Oracle Fusion and Conexxus, with fault injection.
#[derive(Parser)]
#[command(name = "partner-sim", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArguments,
}

#[derive(Subcommand)]
enum Command {
    /// Post distinct orders as fast as they are answered, and say how fast that was
    Load(LoadArguments),
}

#[derive(Args)]
struct ServeArguments {
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

#[derive(Args)]
struct LoadArguments {
    /// Base address of the field service system
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    target: String,
    /// How many clients post at the same time
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// How many seconds to go on
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// What the order ids begin with; another one for each run
    #[arg(long, default_value = "LOAD")]
    prefix: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_env_filter("info").with_writer(std::io::stderr).init();
    let arguments = Arguments::parse();
    if let Some(Command::Load(arguments)) = arguments.command {
        return put_under_load(arguments).await;
    }
    let listen = arguments.serve.listen;
    match serve(arguments.serve).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("partner-sim cannot run on {listen}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn put_under_load(arguments: LoadArguments) -> ExitCode {
    let report = load::run(LoadConfig {
        target: arguments.target,
        clients: arguments.clients,
        until: LoadUntil::Elapsed(Duration::from_secs(arguments.seconds)),
        book: OrderBook { prefix: arguments.prefix, ..OrderBook::default() },
        ..LoadConfig::default()
    })
    .await;
    println!("accepted {} refused {} failed {}", report.accepted, report.refused, report.failed);
    println!("{:.0} orders/s, p50 {:?}, p99 {:?}, max {:?}", report.throughput, report.p50, report.p99, report.max);
    if report.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn serve(arguments: ServeArguments) -> std::io::Result<()> {
    let ServeArguments { listen, seed, journal } = arguments;
    let sim = Sim::start(SimConfig { listen, seed, journal, ..SimConfig::default() }).await?;
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
