//! The selling side: it posts orders, asks for them, and sends signed webhooks.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use reqwest::RequestBuilder;
use serde_json::Value;
use uuid::Uuid;

use super::SalesSystem;
use crate::{
    config::{Now, system_now},
    signature::{BadSecret, WebhookKey},
};

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The call failed on its way, or the answer could not be read.
    #[error("the call to the field service system failed")]
    Http(#[from] reqwest::Error),
    /// The webhook secret is malformed.
    #[error(transparent)]
    Secret(#[from] BadSecret),
}

/// An answer of the field service system, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, or null when it is no JSON.
    pub body: Value,
}

impl Answer {
    /// Returns a text field of the body by its JSON pointer.
    #[must_use]
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.body.pointer(pointer).and_then(Value::as_str)
    }

    async fn read(response: reqwest::Response) -> Result<Self, ClientError> {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = serde_json::from_slice(&response.bytes().await?).unwrap_or(Value::Null);
        Ok(Self { status, headers, body })
    }
}

/// A sales system that sells for one tenant.
#[derive(Clone)]
pub struct SalesClient {
    /// The base address of the field service system, without a trailing slash.
    pub target: String,
    /// Which sales system it is.
    pub system: SalesSystem,
    /// The tenant sent as `X-Tenant-Id`.
    pub tenant: String,
    /// The bearer key, if the field service system wants one.
    pub api_key: Option<String>,
    /// The clock that webhooks are signed by; the machine's by default.
    pub now: Now,
    http: reqwest::Client,
}

impl SalesClient {
    /// Makes a client of tenant `demo` without a key.
    #[must_use]
    pub fn new(target: &str, system: SalesSystem) -> Self {
        Self::with_http(target, system, http_client(Duration::from_secs(30)))
    }

    pub(crate) fn with_http(target: &str, system: SalesSystem, http: reqwest::Client) -> Self {
        Self {
            target: target.trim_end_matches('/').to_owned(),
            system,
            tenant: "demo".into(),
            api_key: None,
            now: Arc::new(system_now),
            http,
        }
    }

    /// Posts an order under a new correlation id.
    ///
    /// # Errors
    ///
    /// When there is no answer; a refusal is an [`Answer`].
    pub async fn post_order(&self, order: &Value) -> Result<Answer, ClientError> {
        self.post("/api/v2/orders/intake", order, &Uuid::new_v4().to_string()).await
    }

    /// Posts any JSON to a path under a correlation id.
    ///
    /// # Errors
    ///
    /// When there is no answer; a refusal is an [`Answer`].
    pub async fn post(&self, path: &str, body: &Value, correlation_id: &str) -> Result<Answer, ClientError> {
        let request = self.http.post(format!("{}{path}", self.target)).header("x-correlation-id", correlation_id);
        Answer::read(self.identify(request).json(body).send().await?).await
    }

    /// Asks for an order by the id of the field service system.
    ///
    /// # Errors
    ///
    /// When there is no answer; a refusal is an [`Answer`].
    pub async fn get_order(&self, order_id: &str) -> Result<Answer, ClientError> {
        let request = self.http.get(format!("{}/api/v2/orders/{order_id}", self.target));
        Answer::read(self.identify(request).send().await?).await
    }

    /// Sends a signed webhook under an event id, now.
    ///
    /// # Errors
    ///
    /// When the secret is malformed or there is no answer; a refusal is an [`Answer`].
    pub async fn send_webhook(&self, secret: &str, id: &str, event: &Value) -> Result<Answer, ClientError> {
        self.send_webhook_at(secret, id, (self.now)(), event).await
    }

    /// Sends a signed webhook as of a chosen time, to try the window.
    ///
    /// # Errors
    ///
    /// When the secret is malformed or there is no answer; a refusal is an [`Answer`].
    pub async fn send_webhook_at(
        &self,
        secret: &str,
        id: &str,
        at: Timestamp,
        event: &Value,
    ) -> Result<Answer, ClientError> {
        let body = event.to_string();
        let signed = WebhookKey::parse(secret)?.sign(id, at, body.as_bytes());
        let address = format!("{}/api/v2/webhooks/sales/{}", self.target, self.system.path());
        let request = self.http.post(address).headers(signed).header("x-correlation-id", Uuid::new_v4().to_string());
        let request = self.identify(request).header("content-type", "application/json");
        Answer::read(request.body(body).send().await?).await
    }

    fn identify(&self, request: RequestBuilder) -> RequestBuilder {
        let request = request.header("x-tenant-id", &self.tenant);
        match &self.api_key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }
}

/// Names no key.
impl std::fmt::Debug for SalesClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SalesClient")
            .field("target", &self.target)
            .field("system", &self.system)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

/// A client with kept-alive connections for plain HTTP; it trusts no certificate, so that it needs no store of them.
pub(crate) fn http_client(timeout: Duration) -> reqwest::Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks the default versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(timeout)
        .tcp_nodelay(true)
        .build()
        .expect("the TLS settings are complete")
}
