//! Everything that can be set about the stand-ins.

use std::{fmt, net::SocketAddr, path::PathBuf, sync::Arc};

use jiff::Timestamp;
use serde_json::{Value, json};

/// The stand-ins' clock, replaceable so that a demo can move time.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Settings of a [`Sim`](crate::Sim); the defaults suit tests.
#[derive(Clone)]
pub struct SimConfig {
    /// Where it listens; port 0 (the default) takes any free port.
    pub listen: SocketAddr,
    /// The clock of signature windows and of written timestamps; the machine's by default.
    pub now: Now,
    /// Seeds the dice of faults that have a probability.
    pub seed: u64,
    /// The file that keeps the ledger over restarts; none by default.
    pub journal: Option<PathBuf>,
    /// Whether the ledger keeps the bodies of callbacks; a long load run may do without.
    pub keep_bodies: bool,
    /// The tenant of calls that carry no `X-Tenant-Id`.
    pub default_tenant: String,
    /// Accepted webhook secrets of Pyxis (`whsec_` + base64); any one of them is enough.
    pub pyxis_secrets: Vec<String>,
    /// Accepted webhook secrets of Tempo.
    pub tempo_secrets: Vec<String>,
    /// User of Oracle's Basic authentication.
    pub oracle_user: String,
    /// Password of Oracle's Basic authentication.
    pub oracle_password: String,
    /// The key that Conexxus expects in `X-API-Key`.
    pub conexxus_api_key: String,
    /// The items that Conexxus answers at first.
    pub items: Vec<Value>,
}

impl SimConfig {
    /// The secret that Pyxis accepts by default.
    pub const PYXIS_SECRET: &str = "whsec_cHl4aXMtZGVtby1zZWNyZXQtMzItYnl0ZXMtbG9uZyE=";
    /// The secret that Tempo accepts by default.
    pub const TEMPO_SECRET: &str = "whsec_dGVtcG8tZGVtby1zZWNyZXQtMzItYnl0ZXMtbG9uZyE=";
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            now: Arc::new(system_now),
            seed: 0,
            journal: None,
            keep_bodies: true,
            default_tenant: "demo".into(),
            pyxis_secrets: vec![Self::PYXIS_SECRET.into()],
            tempo_secrets: vec![Self::TEMPO_SECRET.into()],
            oracle_user: "fsm.integration".into(),
            oracle_password: "demo-oracle-password".into(),
            conexxus_api_key: "demo-conexxus-key".into(),
            items: sample_items(),
        }
    }
}

/// Names no secret.
impl fmt::Debug for SimConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimConfig")
            .field("listen", &self.listen)
            .field("seed", &self.seed)
            .field("journal", &self.journal)
            .field("default_tenant", &self.default_tenant)
            .finish_non_exhaustive()
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the wall clock is read")]
pub(crate) fn system_now() -> Timestamp {
    Timestamp::now()
}

/// Three good items and the invalid ones of the guide: no name, no usable price.
fn sample_items() -> Vec<Value> {
    vec![
        json!({"sku": "WINE001", "name": "Cabernet Sauvignon 2020", "price": 29.99, "category": "Wine",
               "description": "Full-bodied red wine"}),
        json!({"sku": "BEER001", "name": "Pale Ale 6 x 330 ml", "price": 11.49, "category": "Beer"}),
        json!({"sku": "SPIR001", "name": "Single Malt 12", "price": 54.00}),
        json!({"sku": "INVALID001", "price": 9.99}),
        json!({"sku": "INVALID002", "name": "Nothing for nothing", "price": -1}),
    ]
}
