use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use partner_sim::{Sim, SimConfig};
use tempfile::TempDir;
use tokio::sync::watch;

use super::{
    api::Api,
    plan::Plan,
    process::{Addresses, LOG},
};

/// The tenant that everything happens for.
pub(super) const TENANT: &str = "demo";
/// The places of the order book, near enough for a technician who lives there.
const CITIES: [(f64, f64); 14] = [
    (37.78, -122.40),
    (40.71, -74.00),
    (41.88, -87.63),
    (30.27, -97.74),
    (48.86, 2.35),
    (45.76, 4.84),
    (43.30, 5.37),
    (40.42, -3.70),
    (41.39, 2.17),
    (39.47, -0.38),
    (41.90, 12.50),
    (45.46, 9.19),
    (52.23, 21.01),
    (50.06, 19.94),
];
/// Technicians of each city: with a month ahead of them they take more orders than a run sends.
const CREW: usize = 3;

/// What outlives the server: its partners, its directory, and where it listens at present.
pub(super) struct World {
    pub(super) sim: Sim,
    pub(super) addresses: watch::Sender<Option<Addresses>>,
    pub(super) binary: PathBuf,
    folder: TempDir,
}

impl World {
    pub(super) async fn start(plan: &Plan) -> Self {
        let binary = binary();
        let folder = tempfile::tempdir().expect("a temporary directory");
        let partners = SimConfig { seed: plan.seed, keep_bodies: false, ..SimConfig::default() };
        write_secrets(&folder.path().join("secrets"), &partners);
        let sim = Sim::start(partners).await.expect("partners that listen");
        std::fs::write(folder.path().join("fsm-server.toml"), settings(&sim, folder.path())).expect("a settings file");
        Self { sim, addresses: watch::Sender::new(None), binary, folder }
    }

    pub(super) fn api(&self) -> Api {
        Api::new(self.addresses.subscribe())
    }

    /// Where the server lives.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the server said last, for somebody who has to find out why it ended.
    pub(super) fn log_hint(&self) -> String {
        let log = std::fs::read_to_string(self.folder().join(LOG)).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        format!("its last words:\n{}", lines[lines.len().saturating_sub(15)..].join("\n"))
    }

    /// Leaves the directory for somebody to look into.
    pub(super) fn keep(self) -> PathBuf {
        self.folder.keep()
    }
}

/// The server's binary, which `cargo test` does not build.
fn binary() -> PathBuf {
    const MISSING: &str = "FSM_SERVER_BIN is not set: run scripts/test, or build the server with \
         `cargo build -p fsm-server --features crash-points` and set FSM_SERVER_BIN to its path";
    let binary = PathBuf::from(std::env::var_os("FSM_SERVER_BIN").expect(MISSING));
    binary.canonicalize().unwrap_or_else(|error| panic!("FSM_SERVER_BIN is {}: {error}", binary.display()))
}

fn settings(sim: &Sim, folder: &Path) -> String {
    let (partners, folder) = (sim.url(), folder.display());
    format!(
        r#"
[server]
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"
data_dir = "{folder}/data"

[limits]
intake_per_minute = 1000000
slots_per_minute = 1000000

[secrets]
directory = "{folder}/secrets"

[sales.pyxis]
enabled = true
base_url = "{partners}/pyxis"

[sales.tempo]
enabled = true
base_url = "{partners}/tempo"

[erp]
enabled = true
base_url = "{partners}/oracle"

[outbound]
retry_delay = "50ms"
breaker_reset = "500ms"

[webhooks]
schedule = [{schedule}]

[scheduler]
technicians = [
{technicians}]

[telemetry]
log_format = "json"
filter = "warn,fsm_server=info"
"#,
        schedule = ["\"250ms\""; 100].join(", "),
        technicians = technicians(),
    )
}

/// They work every day and have no limit but the hours.
fn technicians() -> String {
    let mut rows = String::new();
    for (city, (latitude, longitude)) in CITIES.iter().enumerate() {
        for number in 0..CREW {
            writeln!(
                rows,
                r#"  {{ id = "t-{city}-{number}", name = "Technician {city}-{number}", provider = "PROV-{city}", zone = "UTC", home = {{ latitude = {latitude:.2}, longitude = {longitude:.2} }}, skills = ["FIBER_INSTALLATION"], workdays = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"], from = "00:00:00", until = "23:00:00", daily_capacity = 24, max_travel_minutes = 90 }},"#
            )
            .expect("a string takes everything");
        }
    }
    rows
}

fn write_secrets(directory: &Path, partners: &SimConfig) {
    let secrets = [
        ("sales/pyxis/webhook-secret", partners.pyxis_secrets[0].clone()),
        ("sales/tempo/webhook-secret", partners.tempo_secrets[0].clone()),
        ("erp/api-key", format!("{}:{}", partners.oracle_user, partners.oracle_password)),
    ];
    for (path, secret) in secrets {
        let file = directory.join("integrations").join(TENANT).join(path);
        std::fs::create_dir_all(file.parent().expect("a file lies in a directory")).expect("a directory for secrets");
        std::fs::write(file, secret).expect("a secret's file");
    }
}
