use std::{path::Path, sync::Arc};

use fsm_integration_core::{
    clock::WallClock,
    error::{Error, ErrorKind, Result},
    secret::Secret,
};
use jiff::tz::TimeZone;
use partner_sim::{Sim, SimConfig, sales::SalesSystem};
use tempfile::TempDir;

use super::DemoArgs;
use crate::{
    clock::ServerClock,
    config::{Config, LogFormat},
    serve::Server,
    telemetry::Telemetry,
};

/// The tenant of the demo.
pub(super) const TENANT: &str = "demo";
/// The location whose sales are pushed.
pub(super) const LOCATION: &str = "store-001";
/// The zone of that location.
pub(super) const ZONE: &str = "America/Los_Angeles";

/// The server, the partners, and the clock that moves both.
pub(super) struct World {
    pub(super) sim: Sim,
    pub(super) clock: ServerClock,
    server: Server,
    _folder: TempDir,
}

impl World {
    pub(super) async fn start(args: &DemoArgs) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(cannot("create a temporary directory"))?;
        let clock = ServerClock::default();
        let now = clock.clone();
        let config = SimConfig { now: Arc::new(move || now.timestamp()), ..SimConfig::default() };
        let sim = Sim::start(config.clone()).await.map_err(cannot("start the partners"))?;
        let secrets = folder.path().join("secrets");
        write_secrets(&secrets, &config).map_err(cannot("write the demo's secrets"))?;
        let mut settings = settings(&sim, &config, folder.path());
        if let Some(directory) = &args.data_dir {
            settings.server.data_dir.clone_from(directory);
        }
        settings.telemetry.filter = if args.verbose { "info" } else { "off" }.to_owned();
        let telemetry = Telemetry::install(&settings.telemetry)
            .map_err(|error| Error::new(ErrorKind::Internal, "metrics cannot be installed").with_source(error))?;
        let server = Server::start(settings, clock.clone(), telemetry).await?;
        Ok(Self { sim, clock, server, _folder: folder })
    }

    pub(super) fn fsm(&self) -> String {
        format!("http://{}", self.server.public())
    }

    pub(super) fn operators(&self) -> String {
        format!("http://{}/ops", self.server.admin())
    }

    pub(super) fn admin(&self) -> String {
        format!("http://{}", self.server.admin())
    }

    /// The sales system's own client.
    pub(super) fn sales_system(&self) -> partner_sim::sales::SalesClient {
        let now = self.clock.clone();
        let mut client = partner_sim::sales::SalesClient::new(&self.fsm(), SalesSystem::Pyxis);
        client.tenant = TENANT.to_owned();
        client.now = Arc::new(move || now.timestamp());
        client
    }

    pub(super) async fn stop(self) {
        self.server.stop().await;
        self.sim.shutdown().await;
    }
}

fn settings(sim: &Sim, partners: &SimConfig, folder: &Path) -> Config {
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
    config.conexxus.url = format!("{}/conexxus", sim.url());
    config.conexxus.api_key = Some(Secret::new(partners.conexxus_api_key.clone()));
    config.conexxus.location_id = LOCATION.to_owned();
    config.conexxus.zone = TimeZone::get(ZONE).expect("the time zone database is part of the program");
    config.telemetry.log_format = LogFormat::Pretty;
    config
}

fn write_secrets(directory: &Path, partners: &SimConfig) -> std::io::Result<()> {
    let secrets = [
        ("sales/pyxis/webhook-secret", partners.pyxis_secrets[0].clone()),
        ("sales/tempo/webhook-secret", partners.tempo_secrets[0].clone()),
        ("erp/api-key", format!("{}:{}", partners.oracle_user, partners.oracle_password)),
    ];
    for (path, secret) in secrets {
        let file = directory.join("integrations").join(TENANT).join(path);
        std::fs::create_dir_all(file.parent().expect("a file lies in a directory"))?;
        std::fs::write(file, secret)?;
    }
    Ok(())
}

fn cannot(what: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    move |error| Error::new(ErrorKind::Internal, format!("cannot {what}")).with_source(error)
}
