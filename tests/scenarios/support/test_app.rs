use std::{path::Path, sync::Arc, time::Duration};

use fsm_integration_core::{clock::WallClock, http_client::install_tls};
use fsm_server::{clock::ServerClock, config::Config, serve::Server, telemetry::Telemetry};
use partner_sim::{
    Sim, SimConfig,
    sales::{SalesClient, SalesSystem},
};
use tempfile::TempDir;

use super::{Caller, logs};

/// The tenant of most scenarios.
pub(crate) const TENANT: &str = "demo";
/// Every tenant that has secrets.
const TENANTS: [&str; 3] = [TENANT, "acme", "globex"];
/// How long a scenario waits for something before it has failed.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(10);

/// The server and its partners in one process, on sockets of their own, over a directory of their own.
pub(crate) struct TestApp {
    pub(crate) sim: Sim,
    pub(crate) clock: ServerClock,
    pub(crate) config: Config,
    server: Option<Server>,
    http: reqwest::Client,
    _folder: TempDir,
}

impl TestApp {
    /// Starts everything with the settings that most scenarios want.
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts everything with other settings.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        logs::keep();
        install_tls();
        let folder = tempfile::tempdir().unwrap();
        let clock = ServerClock::default();
        let now = clock.clone();
        let partners = SimConfig { now: Arc::new(move || now.timestamp()), ..SimConfig::default() };
        let sim = Sim::start(partners.clone()).await.unwrap();
        let mut config = settings(&sim, folder.path());
        write_secrets(&config.secrets.directory, &partners);
        change(&mut config);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut app = Self { sim, clock, config, server: None, http, _folder: folder };
        app.boot().await;
        app
    }

    pub(crate) async fn boot(&mut self) {
        let telemetry = Telemetry::install(&self.config.telemetry).unwrap();
        let server = Server::start(self.config.clone(), self.clock.clone(), telemetry).await.unwrap();
        self.server = Some(server);
    }

    /// Ends the server as a signal would: gracefully.
    pub(crate) async fn shut_down(&mut self) {
        self.server.take().expect("it runs").stop().await;
    }

    /// Ends it and starts it again over the same data; it listens elsewhere then.
    pub(crate) async fn restart(&mut self) {
        self.shut_down().await;
        self.boot().await;
    }

    /// Ends everything; no partner may have anything to complain about.
    #[track_caller]
    pub(crate) fn well(&self) {
        assert_eq!(self.sim.with_ledger(partner_sim::Ledger::violations), Vec::<String>::new());
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().expect("it runs")
    }

    /// Somebody of tenant `demo` at the public listener.
    pub(crate) fn caller(&self) -> Caller {
        self.anybody().tenant(TENANT)
    }

    /// Somebody at the public listener who does not say who.
    pub(crate) fn anybody(&self) -> Caller {
        let base = format!("http://{}", self.server().public());
        Caller { http: self.http.clone(), base, tenant: None, key: None }
    }

    /// Somebody of another tenant at the public listener.
    pub(crate) fn of(&self, tenant: &str) -> Caller {
        self.anybody().tenant(tenant)
    }

    /// An operator.
    pub(crate) fn operator(&self) -> Caller {
        let base = format!("http://{}", self.server().admin());
        Caller { http: self.http.clone(), base, tenant: None, key: None }
    }

    /// The sales system's own client, which signs.
    pub(crate) fn sales_system(&self, system: SalesSystem) -> SalesClient {
        let now = self.clock.clone();
        let mut client = SalesClient::new(&format!("http://{}", self.server().public()), system);
        TENANT.clone_into(&mut client.tenant);
        client.now = Arc::new(move || now.timestamp());
        client
    }

    /// Lets time pass for the server and its partners.
    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// Waits until a look finds something.
    pub(crate) async fn until<T>(&self, what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
        until(what, look).await
    }
}

/// Waits until a look finds something; fails the scenario when it does not.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, looking).await;
    found.unwrap_or_else(|_| panic!("this was not seen in time: {what}\n{}", logs::trouble()))
}

/// Quick in-process retries; every durable wait is the default's, because the scenarios move the clock.
fn settings(sim: &Sim, folder: &Path) -> Config {
    let mut config = Config::default();
    let any_port = ([127, 0, 0, 1], 0).into();
    config.server.listen = any_port;
    config.server.admin_listen = any_port;
    config.server.data_dir = folder.join("data");
    config.secrets.directory = folder.join("secrets");
    for (system, name) in [(&mut config.sales.pyxis, "pyxis"), (&mut config.sales.tempo, "tempo")] {
        system.enabled = true;
        system.base_url = format!("{}/{name}", sim.url());
    }
    config.erp.enabled = true;
    config.erp.base_url = format!("{}/oracle", sim.url());
    config.outbound.retry_delay = Some(Duration::from_millis(5));
    config
}

fn write_secrets(directory: &Path, partners: &SimConfig) {
    let secrets = [
        ("sales/pyxis/webhook-secret", partners.pyxis_secrets[0].clone()),
        ("sales/tempo/webhook-secret", partners.tempo_secrets[0].clone()),
        ("erp/api-key", format!("{}:{}", partners.oracle_user, partners.oracle_password)),
    ];
    for tenant in TENANTS {
        for (path, secret) in &secrets {
            let file = directory.join("integrations").join(tenant).join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, secret).unwrap();
        }
    }
}
