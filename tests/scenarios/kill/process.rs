use std::{
    fs::{File, OpenOptions},
    io::Write,
    net::SocketAddr,
    os::unix::process::ExitStatusExt,
    process::Stdio,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStderr, Command},
    sync::watch,
};

use super::world::World;

/// What all processes of a run wrote, in their directory.
pub(super) const LOG: &str = "server.log";
/// The signal of `std::process::abort`.
const SIGABRT: i32 = 6;

/// Where a running server listens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Addresses {
    pub(super) public: SocketAddr,
    pub(super) admin: SocketAddr,
}

/// How a process ended that nobody killed.
#[derive(Debug)]
pub(super) enum Ended {
    /// At the crash point it was told.
    Aborted,
    /// In a way it never should.
    Otherwise(String),
}

/// A server process; dropped, it is killed.
pub(super) struct Server {
    child: Child,
    addresses: watch::Sender<Option<Addresses>>,
}

impl Server {
    /// Starts the binary, with a crash point and the pass it dies at; its port is a new one each time.
    pub(super) fn start(world: &World, crash: Option<(&str, u64)>) -> Self {
        let mut command = Command::new(&world.binary);
        command
            .args(["serve", "--config", "fsm-server.toml"])
            .current_dir(world.folder())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some((point, pass)) = crash {
            command.env("FSM_CRASH_POINT", format!("{point}:{pass}"));
        }
        let mut child = command.spawn().expect("FSM_SERVER_BIN is a program");
        let log = OpenOptions::new().create(true).append(true).open(world.folder().join(LOG)).expect("a log file");
        let lines = child.stderr.take().expect("standard error is piped");
        tokio::spawn(listen(lines, log, world.addresses.clone()));
        Self { child, addresses: world.addresses.clone() }
    }

    /// Waits until the process has ended by itself.
    pub(super) async fn ended(&mut self) -> Ended {
        let status = self.child.wait().await.expect("a child can be waited for");
        self.addresses.send_replace(None);
        match status.signal() {
            Some(SIGABRT) => Ended::Aborted,
            _ => Ended::Otherwise(status.to_string()),
        }
    }

    /// Kills it with SIGKILL and waits until it is gone.
    pub(super) async fn kill(mut self) {
        self.child.kill().await.expect("a child can be killed");
        self.addresses.send_replace(None);
    }
}

/// Keeps what the process writes, and finds the line that says where it listens.
async fn listen(from: ChildStderr, mut log: File, addresses: watch::Sender<Option<Addresses>>) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(serving) = serving(&line) {
            addresses.send_replace(Some(serving));
        }
        writeln!(log, "{line}").expect("a log that takes lines");
    }
}

fn serving(line: &str) -> Option<Addresses> {
    let line: Value = serde_json::from_str(line).ok()?;
    let address = |name: &str| line[name].as_str()?.parse().ok();
    (line["message"] == "serving").then_some(())?;
    Some(Addresses { public: address("public")?, admin: address("operators")? })
}
