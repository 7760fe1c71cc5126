//! Everything that can be set: one file per concern, defaults in `Default` only.
//!
//! The file is TOML; the environment goes over it (`FSM__SECTION__KEY`, and the names of the source documents), the
//! command line over both. What is wrong is reported with key, value, origin and remedy, all of it at once.

mod auth;
mod conexxus;
mod durations;
mod environment;
mod erp;
mod example;
mod limits;
mod load;
mod mistake;
mod outbound;
mod sales;
mod scheduler;
mod secrets;
mod server;
mod telemetry;
mod webhooks;

use fsm_integration_core::{error::FieldErrors, secret::SecretPath};
use serde::{Deserialize, Serialize};

pub use self::{
    auth::{ApiKey, AuthConfig, InvalidHash, KeyHash},
    conexxus::ConexxusConfig,
    erp::ErpConfig,
    example::example,
    limits::LimitsConfig,
    load::Sources,
    mistake::{Mistake, Mistakes},
    outbound::OutboundConfig,
    sales::{SalesConfig, SalesSystemConfig},
    scheduler::SchedulerConfig,
    secrets::SecretsConfig,
    server::ServerConfig,
    telemetry::{LogFormat, TelemetryConfig},
    webhooks::WebhooksConfig,
};

/// A key and what it does, as the example file tells it.
type Doc = (&'static str, &'static str);

/// All settings of the server.
///
/// ```
/// use fsm_server::config::{Config, Sources};
///
/// let environment = vec![("FSM__LIMITS__INTAKE_PER_MINUTE".to_owned(), "250".to_owned())];
/// let config = Config::load(&Sources { environment, ..Sources::default() })?;
/// assert_eq!(config.limits.intake_per_minute.get(), 250);
/// # Ok::<(), fsm_server::config::Mistakes>(())
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Listeners, timeouts and bounds.
    pub server: ServerConfig,
    /// Who may call.
    pub auth: AuthConfig,
    /// How often a tenant may call.
    pub limits: LimitsConfig,
    /// Where secrets are read from.
    pub secrets: SecretsConfig,
    /// The sales systems.
    pub sales: SalesConfig,
    /// The ERP.
    pub erp: ErpConfig,
    /// The point-of-sale back office.
    pub conexxus: ConexxusConfig,
    /// Where the presets of calls to partners do not suit.
    pub outbound: OutboundConfig,
    /// How webhooks are delivered when the first attempts fail.
    pub webhooks: WebhooksConfig,
    /// Technicians and how far ahead they are booked.
    pub scheduler: SchedulerConfig,
    /// Logs.
    pub telemetry: TelemetryConfig,
}

/// Every section in the order of the example file.
#[rustfmt::skip]
const SECTIONS: &[(&str, &str, &[Doc])] = &[
    ("server",      "Listeners, timeouts and bounds.", server::DOCS),
    ("auth",        "Who may call. Without keys only loopback is served, to the tenant that X-Tenant-Id names.", auth::DOCS),
    ("limits",      "How often a tenant may call; bursts of 150 % are let through.", limits::DOCS),
    ("secrets",     "Where secrets are read from; {tenant} in a path stands for the tenant's id.", secrets::DOCS),
    ("sales.pyxis", "The sales system of installation orders.", sales::DOCS),
    ("sales.tempo", "The sales system of service requests.", sales::DOCS),
    ("erp",         "The ERP that pays the providers.", erp::DOCS),
    ("conexxus",    "The point-of-sale back office; used when both url and api_key are set.", conexxus::DOCS),
    ("outbound",    "Calls to partners, where the presets do not suit.", outbound::DOCS),
    ("webhooks",    "How webhooks are delivered when the first attempts have failed.", webhooks::DOCS),
    ("scheduler",   "Technicians and how far ahead they are booked.", scheduler::DOCS),
    ("telemetry",   "Logs.", telemetry::DOCS),
];

impl Config {
    /// Reads all sources, checks everything, and makes the configuration.
    ///
    /// # Errors
    /// Every mistake that was found in any of the sources.
    pub fn load(sources: &Sources) -> Result<Self, Mistakes> {
        let (config, mut found) = load::read(sources);
        config.check(&mut found);
        found.into_result().map(|()| config)
    }

    fn check(&self, found: &mut Mistakes) {
        self.server.check(found);
        self.auth.check(&self.server, found);
        self.sales.check(found);
        self.erp.check(found);
        self.conexxus.check(found);
        self.outbound.check(found);
        self.webhooks.check(found);
        self.scheduler.check(found);
        self.telemetry.check(found);
        for (key, url) in self.targets() {
            self.outbound.check_target(key, url, found);
        }
        load::show_values(self, found);
    }

    /// Where calls go, of the integrations that are on.
    fn targets(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            (self.sales.pyxis.enabled, "sales.pyxis.base_url", self.sales.pyxis.base_url.as_str()),
            (self.sales.tempo.enabled, "sales.tempo.base_url", &self.sales.tempo.base_url),
            (self.erp.enabled, "erp.base_url", &self.erp.base_url),
            (self.conexxus.enabled(), "conexxus.url", &self.conexxus.url),
        ]
        .into_iter()
        .filter_map(|(enabled, key, url)| enabled.then_some((key, url)))
    }
}

/// Takes over what an adapter says of its settings; what is known to be wrong is not said twice.
fn check_adapter(errors: Result<(), FieldErrors>, key_of: impl Fn(&str) -> String, found: &mut Mistakes) {
    for error in &errors.err().unwrap_or_default() {
        let key = key_of(&error.field);
        if found.iter().all(|mistake| mistake.key != key) {
            found.push(Mistake::of(key, "cannot be used", format!("it {}", error.message)));
        }
    }
}

/// Whether a template is a secret's path once the tenant stands in it.
fn check_secret_path(key: &str, template: &str, found: &mut Mistakes) {
    if let Err(error) = SecretPath::new(template.replace("{tenant}", "demo")) {
        // The text is not shown: it may be the secret itself.
        found.push(Mistake::of(key, error.to_string(), "leave the key out to have the default"));
    }
}

/// Whether text is an address to send requests to: http or https, a host, and no credentials inside.
fn check_url(key: &str, text: &str, found: &mut Mistakes) {
    let valid = text.parse::<reqwest::Url>().is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
    });
    if !valid {
        // The text is not shown: it may hold a password.
        found.push(Mistake::of(key, "is not a URL to call", "write http(s)://host/path, without user and password"));
    }
}
