//! The command line: what can be asked, and how the answer and the exit code look.

mod dead_letters;

use std::{
    ffi::OsString,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use tokio_util::sync::CancellationToken;

use self::dead_letters::DeadLettersCommand;
use crate::{
    config::{Config, Mistakes, Sources},
    demo::{self, DemoArgs},
    serve,
};

/// The file that is read when none is named and it is there.
const DEFAULT_FILE: &str = "fsm-server.toml";

/// The field service server: orders in, appointments, outcomes and invoices out.
#[derive(Debug, Parser)]
#[command(
    name = "fsm-server",
    version,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server until it is told to stop.
    Serve(ConfigArgs),
    /// Run the whole story against stand-ins of the partners, and say what happened.
    Demo(DemoArgs),
    /// Check the configuration and say everything that is wrong with it.
    CheckConfig(ConfigArgs),
    /// Look at, replay and discard dead letters of a running server.
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
}

/// Where the configuration comes from, and what goes over it.
#[derive(Debug, Clone, Default, Args)]
pub struct ConfigArgs {
    /// File with settings [default: fsm-server.toml, if it is there].
    #[arg(long, value_name = "FILE", env = "FSM_CONFIG")]
    pub config: Option<PathBuf>,
    /// Directory of the embedded database (server.data_dir).
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address of the public API (server.listen).
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
}

impl ConfigArgs {
    /// Reads the file, the environment and these arguments.
    ///
    /// # Errors
    /// Every mistake in any of them.
    pub fn load(&self) -> Result<Config, Mistakes> {
        Config::load(&self.sources(environment()))
    }

    fn sources(&self, environment: Vec<(String, String)>) -> Sources {
        let data_dir = self.data_dir.as_ref().map(|dir| ("server.data_dir", dir.display().to_string()));
        let listen = self.listen.map(|address| ("server.listen", address.to_string()));
        Sources { file: self.file(), environment, command_line: data_dir.into_iter().chain(listen).collect() }
    }

    fn file(&self) -> Option<PathBuf> {
        self.config.clone().or_else(|| Path::new(DEFAULT_FILE).exists().then(|| DEFAULT_FILE.into()))
    }
}

/// Variables that are no text cannot be ours.
fn environment() -> Vec<(String, String)> {
    let text = |value: OsString| value.into_string().ok();
    std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect()
}

/// Why a command failed, as a person is told.
#[derive(Debug)]
enum Failure {
    /// What was asked or configured is wrong.
    Usage(String),
    /// It could not be done.
    Failed(String),
}

impl Failure {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Failed(_) => ExitCode::FAILURE,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Failed(text) => f.write_str(text),
        }
    }
}

/// A configuration that is wrong is the user's to mend.
impl From<Mistakes> for Failure {
    fn from(mistakes: Mistakes) -> Self {
        Self::Usage(mistakes.to_string())
    }
}

/// Parses the arguments, does what they ask, and tells how it went.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
            // A closed pipe is no reason to fail.
            drop(error.print());
            return code;
        }
    };
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("fsm-server: {failure}");
            failure.exit_code()
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    // The first provider stays; another one can only be there in a test.
    drop(rustls::crypto::ring::default_provider().install_default());
    match command {
        Command::Serve(args) => block_on(serve(args.load()?))?,
        Command::Demo(args) => block_on(demo::run(&args))?.map_err(|error| Failure::Failed(error.chain())),
        Command::CheckConfig(args) => check_config(&args),
        Command::DeadLetters(command) => block_on(dead_letters::run(command))?,
    }
}

async fn serve(config: Config) -> Result<(), Failure> {
    let shutdown =
        shutdown_on_signal().map_err(|error| Failure::Failed(format!("signals cannot be watched: {error}")))?;
    serve::run(config, shutdown).await.map_err(|error| Failure::Failed(error.chain()))
}

fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("the runtime cannot be started: {error}")))?;
    Ok(runtime.block_on(work))
}

fn check_config(args: &ConfigArgs) -> Result<(), Failure> {
    let config = args.load()?;
    let file = args.file().map_or_else(|| "no file, the defaults".to_owned(), |path| path.display().to_string());
    println!("the configuration is valid ({file})");
    println!("  public API  http://{}", config.server.listen);
    println!("  operators   http://{}", config.server.admin_listen);
    println!("  data        {}", config.server.data_dir.display());
    Ok(())
}

/// A token that is cancelled by the first SIGINT or SIGTERM; the second one ends the process at once.
///
/// # Errors
/// The signals cannot be watched.
pub fn shutdown_on_signal() -> std::io::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let token = CancellationToken::new();
    let shutdown = token.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if shutdown.is_cancelled() {
                std::process::exit(130);
            }
            tracing::info!("shutting down; a second signal ends it at once");
            shutdown.cancel();
        }
    });
    Ok(token)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_go_over_file_and_environment() {
        let cli = Cli::try_parse_from([
            "fsm-server",
            "check-config",
            "--config",
            "x.toml",
            "--listen",
            "127.0.0.1:9",
            "--data-dir",
            "/d",
        ]);
        let Command::CheckConfig(args) = cli.expect("valid").command else { panic!("another command") };
        let sources = args.sources(vec![]);
        assert_eq!(sources.file, Some(PathBuf::from("x.toml")));
        let expected = vec![("server.data_dir", "/d".to_owned()), ("server.listen", "127.0.0.1:9".to_owned())];
        assert_eq!(sources.command_line, expected);
    }

    #[test]
    fn a_missing_file_that_was_named_is_a_mistake_of_usage() {
        let args = ConfigArgs { config: Some("/nowhere/fsm.toml".into()), ..ConfigArgs::default() };
        let failure = check_config(&args).expect_err("no such file");
        assert!(
            matches!(&failure, Failure::Usage(text) if text.contains("/nowhere/fsm.toml: cannot be read")),
            "{failure}"
        );
    }
}
