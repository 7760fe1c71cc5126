//! What all routes share.

use std::{io, sync::Arc};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::{
    config::SimConfig,
    faults::FaultPlan,
    ledger::store::Store,
    oracle::ErrorMode,
    sales::SalesSystem,
    signature::{BadSecret, WebhookKey},
};

pub(crate) type Shared = Arc<World>;

/// The state behind the routes.
pub(crate) struct World {
    pub(crate) config: SimConfig,
    pub(crate) store: Store,
    pub(crate) faults: FaultPlan,
    pub(crate) items: Mutex<Vec<Value>>,
    pub(crate) oracle_errors: Mutex<ErrorMode>,
    pyxis: Vec<WebhookKey>,
    tempo: Vec<WebhookKey>,
}

impl World {
    pub(crate) fn new(config: SimConfig) -> io::Result<Self> {
        Ok(Self {
            store: Store::open(config.journal.as_deref())?,
            faults: FaultPlan::seeded(config.seed),
            items: Mutex::new(config.items.clone()),
            oracle_errors: Mutex::default(),
            pyxis: keys(&config.pyxis_secrets)?,
            tempo: keys(&config.tempo_secrets)?,
            config,
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.config.now)()
    }

    pub(crate) fn webhook_keys(&self, system: SalesSystem) -> &[WebhookKey] {
        match system {
            SalesSystem::Pyxis => &self.pyxis,
            SalesSystem::Tempo => &self.tempo,
        }
    }
}

fn keys(secrets: &[String]) -> io::Result<Vec<WebhookKey>> {
    let keys: Result<Vec<_>, BadSecret> = secrets.iter().map(|secret| WebhookKey::parse(secret)).collect();
    keys.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

/// Answers when the journal cannot be written: what is not written down has not happened.
pub(crate) fn journal_failed(error: &io::Error) -> Response {
    tracing::error!(%error, "journal.write failed");
    (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": "the journal cannot be written"}))).into_response()
}
