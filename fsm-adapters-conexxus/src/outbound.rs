//! The calls we make: one method each.

use std::{collections::HashSet, time::Duration};

use bytes::Bytes;
use fsm_integration_core::{
    adapter::IntegrationContext,
    error::{Error, ErrorKind, Result},
    http_client::{HttpRequest, HttpResponse, HttpService, encode},
};
use http::{HeaderName, HeaderValue, Method, header};
use jiff::Timestamp;
use tower::ServiceExt;

use crate::{
    translate::{self, Inventory, InventoryRequest},
    wire::Sales,
};

const ITEMS: &str = "/api/v1/inventory/items";
const PUSH: &str = "/api/v1/sales/push";
const HEALTH: &str = "/api/v1/health";
/// An inventory of more pages does not end.
const MOST_PAGES: usize = 1000;

/// The back office's REST API.
pub(crate) struct Api {
    pub(crate) base_url: String,
    pub(crate) key: HeaderValue,
    pub(crate) timeout: Duration,
    pub(crate) client: HttpService,
}

impl Api {
    /// Every item, page after page, or that nothing has changed.
    pub(crate) async fn inventory(&self, asked: &InventoryRequest, context: &IntegrationContext) -> Result<Inventory> {
        let mut inventory = Inventory::default();
        let (mut cursor, mut seen) = (None, HashSet::new());
        loop {
            let etag = asked.etag.as_deref().filter(|_| cursor.is_none());
            let Some(answer) = self.items(asked.updated_since, cursor.as_deref(), etag, context).await? else {
                return Ok(Inventory { unchanged: true, etag: asked.etag.clone(), ..Inventory::default() });
            };
            let page = translate::page(answer.body(), inventory.items.len() + inventory.rejected.len())?;
            inventory.items.extend(page.items);
            inventory.rejected.extend(page.rejected);
            let Some(next) = page.next_cursor else {
                let whole = seen.is_empty() && !(inventory.items.is_empty() && inventory.rejected.is_empty());
                // The tag of one page says nothing about the others.
                inventory.etag = etag_of(&answer).filter(|_| whole);
                return Ok(inventory);
            };
            if seen.len() == MOST_PAGES || !seen.insert(next.clone()) {
                return Err(Error::new(ErrorKind::PartnerUnreadable, "Conexxus API's pages do not end"));
            }
            cursor = Some(next);
        }
    }

    /// Pushes a day's sales under its key; safe to repeat (F-X1).
    pub(crate) async fn push(
        &self,
        sales: &Sales<'_>,
        key: &str,
        context: &IntegrationContext,
    ) -> Result<HttpResponse> {
        let body = serde_json::to_vec(sales)
            .map_err(|error| Error::new(ErrorKind::InvalidRequest, "the sales are no JSON").with_source(error))?;
        let key = HeaderValue::from_str(key).expect("location and date are plain ASCII");
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (HeaderName::from_static("idempotency-key"), key),
        ];
        self.send(Method::POST, PUSH, "", headers, body.into(), Some(context)).await
    }

    /// Asks how the API is.
    pub(crate) async fn health(&self) -> Result<HttpResponse> {
        self.send(Method::GET, HEALTH, "", [], Bytes::new(), None).await
    }

    async fn items(
        &self,
        since: Option<Timestamp>,
        cursor: Option<&str>,
        etag: Option<&str>,
        context: &IntegrationContext,
    ) -> Result<Option<HttpResponse>> {
        let since = since.map(|at| format!("updatedSince={}", encode(&at.to_string())));
        let cursor = cursor.map(|cursor| format!("cursor={}", encode(cursor)));
        let query: Vec<_> = [since, cursor].into_iter().flatten().collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        let tag = etag.and_then(|etag| HeaderValue::from_str(etag).ok()).map(|etag| (header::IF_NONE_MATCH, etag));
        match self.send(Method::GET, ITEMS, &query, tag, Bytes::new(), Some(context)).await {
            Ok(answer) => Ok(Some(answer)),
            // The client takes every status but 2xx for a failure; asked with a tag, this one is none.
            Err(error) if etag.is_some() && error.answer().is_some_and(|answer| answer.status == 304) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &str,
        headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
        body: Bytes,
        context: Option<&IntegrationContext>,
    ) -> Result<HttpResponse> {
        let mut request = HttpRequest::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = format!("{}{path}{query}", self.base_url.trim_end_matches('/'))
            .parse()
            .map_err(|error| Error::new(ErrorKind::InvalidRequest, "the URL cannot be made").with_source(error))?;
        request.headers_mut().extend(headers);
        request.headers_mut().insert("x-api-key", self.key.clone());
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(context) = context {
            if let Ok(id) = HeaderValue::from_str(context.correlation_id.as_str()) {
                request.headers_mut().insert("x-correlation-id", id);
            }
            // The layers around the client look here for the span's ids and the deadline.
            request.extensions_mut().insert(context.clone());
        }
        let result = self.client.clone().oneshot(request).await;
        result.map_err(|error| translate::explain(error, path, self.timeout))
    }
}

fn etag_of(answer: &HttpResponse) -> Option<String> {
    answer.headers().get(header::ETAG)?.to_str().ok().map(str::to_owned)
}
