use std::{fmt, time::Duration};

use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::sync::watch;

use super::{process::Addresses, world::TENANT};

/// How long an answer may take before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause before something is asked again.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

/// A caller that does not give up: whatever has no answer, or one that asks to come back, is sent again.
#[derive(Debug, Clone)]
pub(super) struct Api {
    http: reqwest::Client,
    addresses: watch::Receiver<Option<Addresses>>,
}

/// A definite no, which no kill explains.
#[derive(Debug)]
pub(super) struct Refused {
    path: String,
    status: StatusCode,
    body: Value,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered {}: {}", self.path, self.status, self.body)
    }
}

impl Api {
    pub(super) fn new(addresses: watch::Receiver<Option<Addresses>>) -> Self {
        fsm_integration_core::http_client::install_tls();
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
        Self { http, addresses }
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, Refused> {
        self.insist(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Refused> {
        self.insist(Method::POST, path, Some(body)).await
    }

    /// Asks again and again until the answer shows what is looked for.
    pub(super) async fn until<T>(&self, path: &str, look: impl Fn(&Value) -> Option<T>) -> Result<T, Refused> {
        loop {
            let answer = self.get(path).await?;
            if let Some(found) = look(&answer) {
                return Ok(found);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn insist(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Refused> {
        loop {
            match self.once(method.clone(), path, body).await {
                Ok((status, body)) if status.is_success() => return Ok(body),
                Ok((status, body)) if is_final(status) => return Err(Refused { path: path.to_owned(), status, body }),
                Ok(_) | Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    async fn once(&self, method: Method, path: &str, body: Option<&Value>) -> reqwest::Result<(StatusCode, Value)> {
        let mut addresses = self.addresses.clone();
        let addresses = *addresses.wait_for(Option::is_some).await.expect("the world outlives its callers");
        let Addresses { public, admin } = addresses.expect("it was waited for");
        let host = if path.starts_with("/admin") { admin } else { public };
        let mut request = self.http.request(method, format!("http://{host}{path}")).header("x-tenant-id", TENANT);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let bytes = answer.bytes().await?;
        Ok((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
    }
}

fn is_final(status: StatusCode) -> bool {
    status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS && status != StatusCode::REQUEST_TIMEOUT
}
