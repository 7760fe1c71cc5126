//! The calls we make: one method each.

use std::time::Duration;

use bytes::Bytes;
use fsm_integration_core::{
    adapter::{ExternalResponse, IntegrationContext},
    clock::{Clock, SystemClock},
    error::{Error, ErrorKind, Result},
    http_client::{HttpRequest, HttpResponse, HttpService, encode},
};
use http::{HeaderValue, Method, header};
use tower::ServiceExt;

use crate::{
    translate::{read, refusal},
    wire::{Invoice, NewInvoice, Page},
};

const INVOICES: &str = "/fscmRestApi/resources/11.13.18.05/invoices";
const FIELDS: &str = "InvoiceId,InvoiceNumber,InvoiceAmount,InvoiceCurrency,SupplierNumber";
/// A natural key has one row; more pages than this are an answer to another question.
const MOST_PAGES: usize = 20;
/// How long a creation waits for its turn; its look-up has spent one already.
const TOKEN_PATIENCE: Duration = Duration::from_secs(60);

/// Oracle Fusion's REST API, as far as it is used.
pub(crate) struct Fusion {
    pub(crate) base_url: String,
    pub(crate) authorization: HeaderValue,
    pub(crate) page_size: u16,
    pub(crate) client: HttpService,
}

impl Fusion {
    /// Creates the invoice. Carries no idempotency key, so that no retry layer sends it twice.
    ///
    /// Nor does that layer wait for a token of our own limiter then, so this does: without a token nothing was sent.
    pub(crate) async fn create(
        &self,
        invoice: &NewInvoice<'_>,
        context: &IntegrationContext,
    ) -> Result<ExternalResponse> {
        let body = serde_json::to_vec(invoice)
            .map_err(|error| Error::new(ErrorKind::InvalidRequest, "the invoice is no JSON").with_source(error))?;
        let patience = SystemClock.now() + TOKEN_PATIENCE;
        let until = context.deadline.map_or(patience, |deadline| deadline.min(patience));
        let body = Bytes::from(body);
        let answer = loop {
            let failure = match self.send(Method::POST, "", body.clone(), Some(context)).await {
                Ok(answer) => break answer,
                Err(failure) => failure,
            };
            match token_in(&failure).filter(|wait| SystemClock.now() + *wait < until) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(failure),
            }
        };
        Ok(ExternalResponse { status: answer.status().as_u16(), body: answer.into_body() })
    }

    /// Every invoice under the natural key, whatever page it is on.
    pub(crate) async fn find(
        &self,
        number: &str,
        supplier: &str,
        context: &IntegrationContext,
    ) -> Result<Vec<Invoice>> {
        let key = format!("InvoiceNumber={} and SupplierNumber={}", quoted(number), quoted(supplier));
        let mut found = Vec::new();
        let mut offset = 0;
        for _ in 0..MOST_PAGES {
            let query =
                format!("?q={}&fields={FIELDS}&onlyData=true&limit={}&offset={offset}", encode(&key), self.page_size);
            let answer = self.send(Method::GET, &query, Bytes::new(), Some(context)).await?;
            let page: Page = read(answer.body())?;
            // Rows, not the limit: Oracle may give fewer than were asked for.
            offset += page.items.len();
            let is_last = page.items.is_empty() || !page.has_more;
            found.extend(page.items.into_iter().filter(|held| is_under(held, number, supplier)));
            if is_last {
                return Ok(found);
            }
        }
        Err(Error::new(ErrorKind::PartnerUnreadable, "Oracle's look-up does not end; does it ignore the query?"))
    }

    /// The cheapest question that proves address, credentials and role.
    pub(crate) async fn ping(&self) -> Result<()> {
        self.send(Method::GET, "?fields=InvoiceId&onlyData=true&limit=1", Bytes::new(), None).await.map(drop)
    }

    async fn send(
        &self,
        method: Method,
        query: &str,
        body: Bytes,
        context: Option<&IntegrationContext>,
    ) -> Result<HttpResponse> {
        let url = format!("{}{INVOICES}{query}", self.base_url.trim_end_matches('/'));
        let mut request = HttpRequest::new(body);
        *request.uri_mut() = url
            .parse()
            .map_err(|error| Error::new(ErrorKind::InvalidRequest, "the URL cannot be made").with_source(error))?;
        if method == Method::POST {
            request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        *request.method_mut() = method;
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, self.authorization.clone());
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert("rest-framework-version", HeaderValue::from_static("4"));
        if let Some(context) = context {
            if let Ok(id) = HeaderValue::from_str(context.correlation_id.as_str()) {
                headers.insert("x-correlation-id", id);
            }
            // The layers around the client look here for the span's ids and the deadline.
            request.extensions_mut().insert(context.clone());
        }
        self.client.clone().oneshot(request).await.map_err(refusal)
    }
}

/// The server's comparison may be laxer than ours.
fn is_under(held: &Invoice, number: &str, supplier: &str) -> bool {
    held.invoice_number == number && held.supplier_number.as_deref().is_none_or(|held| held == supplier)
}

/// A literal of the row-match language: in single quotes, a quote inside doubled.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// When our own limiter would let the call through that it refused; a partner's 429 carries its answer.
fn token_in(failure: &Error) -> Option<Duration> {
    let ours = failure.kind() == ErrorKind::RateLimited && failure.answer().is_none();
    failure.retry_after().filter(|_| ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_a_value_does_not_end_the_literal() {
        assert_eq!(quoted("O'Neil' or 'a'='a"), "'O''Neil'' or ''a''=''a'");
    }
}
