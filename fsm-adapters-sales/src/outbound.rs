//! The calls that we make: one method each.

use std::fmt;

use bytes::Bytes;
use fsm_integration_core::{
    adapter::{ExternalResponse, IntegrationContext},
    error::{Error, ErrorKind, Result},
    http_client::HttpService,
    layers::webhook::WebhookId,
};
use http::{Method, Request, header::CONTENT_TYPE};
use serde::Serialize;
use tower::ServiceExt;

use crate::{
    config::{CallbackPaths, SalesSystemConfig},
    wire::{AppointmentScheduled, InstallationOutcome, OrderCancelled, OrderStatus, TvModifications},
};

/// Calls one sales system for one tenant; the client brings signature, retries and breaker along.
///
/// Every call is a POST of JSON with `X-Correlation-ID`, `X-Tenant-Id` and a webhook id that stays the same on every
/// attempt: as `webhook-id`, by which the retry layer sees that the request may be sent again, and among the request's
/// extensions for the signature layer. The context is among them too, for the span and the deadline.
#[derive(Clone)]
pub struct SalesClient {
    client: HttpService,
    base_url: String,
    paths: CallbackPaths,
}

impl SalesClient {
    /// Creates a client of the system that the settings describe.
    #[must_use]
    pub fn new(client: HttpService, config: &SalesSystemConfig) -> Self {
        let base_url = config.base_url.trim_end_matches('/').to_owned();
        Self { client, base_url, paths: config.paths.clone() }
    }

    /// Tells when who comes.
    ///
    /// # Errors
    /// Whatever the client refuses; a status that is no 2xx.
    pub async fn appointment_scheduled(
        &self,
        id: &WebhookId,
        body: &AppointmentScheduled,
        context: &IntegrationContext,
    ) -> Result<ExternalResponse> {
        self.post(&self.paths.appointment_scheduled, id, body, context).await
    }

    /// Tells how far an order has come, or what stands in its way.
    ///
    /// # Errors
    /// As [`appointment_scheduled`](Self::appointment_scheduled).
    pub async fn order_status(
        &self,
        id: &WebhookId,
        body: &OrderStatus,
        context: &IntegrationContext,
    ) -> Result<ExternalResponse> {
        self.post(&self.paths.order_status, id, body, context).await
    }

    /// Tells how the visit ended.
    ///
    /// # Errors
    /// As [`appointment_scheduled`](Self::appointment_scheduled).
    pub async fn installation_outcome(
        &self,
        id: &WebhookId,
        body: &InstallationOutcome,
        context: &IntegrationContext,
    ) -> Result<ExternalResponse> {
        self.post(&self.paths.installation_outcome, id, body, context).await
    }

    /// Tells that an order is called off.
    ///
    /// # Errors
    /// As [`appointment_scheduled`](Self::appointment_scheduled).
    pub async fn order_cancelled(
        &self,
        id: &WebhookId,
        body: &OrderCancelled,
        context: &IntegrationContext,
    ) -> Result<ExternalResponse> {
        self.post(&self.paths.order_cancelled, id, body, context).await
    }

    /// Tells what has to be done otherwise, so that it is priced anew.
    ///
    /// # Errors
    /// As [`appointment_scheduled`](Self::appointment_scheduled).
    pub async fn tv_modifications(
        &self,
        id: &WebhookId,
        body: &TvModifications,
        context: &IntegrationContext,
    ) -> Result<ExternalResponse> {
        self.post(&self.paths.tv_modifications, id, body, context).await
    }

    /// Asks whether the system is there.
    ///
    /// # Errors
    /// As [`appointment_scheduled`](Self::appointment_scheduled).
    pub async fn health(&self) -> Result<ExternalResponse> {
        let request = Request::builder().method(Method::GET).uri(self.url(&self.paths.health)).body(Bytes::new());
        self.send(request).await
    }

    async fn post<B: Serialize + Sync>(
        &self,
        path: &str,
        id: &WebhookId,
        body: &B,
        context: &IntegrationContext,
    ) -> Result<ExternalResponse> {
        let body = serde_json::to_vec(body).map_err(|error| Error::from(ErrorKind::Internal).with_source(error))?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.url(path))
            .header(CONTENT_TYPE, "application/json")
            .header("x-correlation-id", context.correlation_id.as_str())
            .header("x-tenant-id", context.tenant.as_str())
            .header("webhook-id", id.as_str())
            .extension(id.clone())
            .extension(context.clone())
            .body(Bytes::from(body));
        self.send(request).await
    }

    async fn send(&self, request: http::Result<Request<Bytes>>) -> Result<ExternalResponse> {
        let request = request.map_err(|error| {
            Error::new(ErrorKind::Internal, "the sales system's base_url or path is no address").with_source(error)
        })?;
        let answer = self.client.clone().oneshot(request).await?;
        Ok(ExternalResponse { status: answer.status().as_u16(), body: answer.into_body() })
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }
}

impl fmt::Debug for SalesClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SalesClient").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
