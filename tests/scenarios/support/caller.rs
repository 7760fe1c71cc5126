use reqwest::{Client, RequestBuilder};
use serde_json::Value;

use super::Answer;

/// Somebody who calls one of the server's listeners.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(super) http: Client,
    pub(super) base: String,
    pub(super) tenant: Option<String>,
    pub(super) key: Option<String>,
}

impl Caller {
    pub(crate) fn tenant(mut self, tenant: &str) -> Self {
        self.tenant = Some(tenant.to_owned());
        self
    }

    pub(crate) fn key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.http.get(format!("{}{path}", self.base))).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(path).json(body)).await
    }

    /// A POST to be filled in.
    pub(crate) fn request(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.base))
    }

    pub(crate) async fn send(&self, mut request: RequestBuilder) -> Answer {
        if let Some(tenant) = &self.tenant {
            request = request.header("x-tenant-id", tenant);
        }
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        Answer::read(request.send().await.unwrap()).await
    }

    pub(crate) async fn post_order(&self, order: &Value) -> Answer {
        self.post("/api/v2/orders/intake", order).await
    }
}
