use std::time::Duration;

use fsm_integration_core::error::{Error, ErrorKind, Result};
use partner_sim::ledger::OrderRecord;
use serde_json::{Value, json};

use super::setup::{TENANT, World};

/// How long a step may take before the demo gives up.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(20);

impl World {
    /// Waits until a look at the world finds something.
    pub(super) async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> Result<T> {
        let looking = async {
            loop {
                if let Some(found) = look().await {
                    return found;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(PATIENCE, looking)
            .await
            .map_err(|_| Error::new(ErrorKind::Timeout, format!("this was not seen within a minute: {what}")))
    }

    /// Waits until a partner has seen something of an order.
    pub(super) async fn partner_saw<T>(
        &self,
        what: &str,
        order: &str,
        look: impl Fn(&OrderRecord) -> Option<T>,
    ) -> Result<T> {
        self.until(what, async || self.sim.with_ledger(|ledger| ledger.order(TENANT, order).and_then(&look))).await
    }

    /// Asks the server's public API.
    pub(super) async fn get(&self, path: &str) -> Result<Value> {
        self.call(reqwest::Method::GET, &self.fsm(), path, None).await
    }

    /// Tells the server's public API something.
    pub(super) async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.call(reqwest::Method::POST, &self.fsm(), path, Some(body)).await
    }

    /// Asks or tells the operators' API.
    pub(super) async fn operate(&self, path: &str, body: Option<Value>) -> Result<Value> {
        let method = if body.is_some() { reqwest::Method::POST } else { reqwest::Method::GET };
        self.call(method, &self.admin(), path, body).await
    }

    async fn call(&self, method: reqwest::Method, base: &str, path: &str, body: Option<Value>) -> Result<Value> {
        let mut request = reqwest::Client::new().request(method, format!("{base}{path}")).header("x-tenant-id", TENANT);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let failed = |error: reqwest::Error| Error::from(ErrorKind::Unavailable).with_source(error);
        let answer = request.send().await.map_err(failed)?;
        let status = answer.status();
        let body = answer.json().await.unwrap_or(json!(null));
        if status.is_success() {
            return Ok(body);
        }
        Err(Error::new(ErrorKind::Internal, format!("{path} answered {status}: {body}")))
    }
}
