use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::header::RETRY_AFTER;
use reqwest::Response;
use tower::Service;

use super::{HttpClientConfig, HttpRequest, HttpResponse, body, failure, resolver::GuardedResolver, retry_after, tls};
use crate::{
    clock::{SystemClock, WallClock},
    egress::TargetPolicy,
    error::{Error, ErrorKind, PartnerAnswer, Result},
};

/// Sends requests with reqwest; the innermost service of a stack.
///
/// Cheap to clone; clones share the connection pool. Always ready. A 2xx answer is returned whole, anything
/// else is an [`Error`]: a status by [`ErrorKind::of_partner_status`] with the [`PartnerAnswer`] and the
/// `Retry-After` it came with, a failure of transport by [`TransportCause`](super::TransportCause).
///
/// ```
/// use fsm_integration_core::http_client::{HttpClientConfig, HttpService, ReqwestClient, install_tls};
///
/// install_tls();
/// let client = HttpService::new(ReqwestClient::new(HttpClientConfig::default())?);
/// # Ok::<(), fsm_integration_core::error::Error>(())
/// ```
///
/// # Cancel safety
/// Dropping the future closes the connection; whether the partner did the work is then not known.
#[derive(Clone)]
pub struct ReqwestClient {
    client: reqwest::Client,
    targets: Arc<TargetPolicy>,
    clock: Arc<dyn WallClock>,
    limits: Limits,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    body: usize,
    error_body: usize,
    error_body_within: Duration,
    retry_after: Duration,
}

impl ReqwestClient {
    /// Makes a client with its own connection pool.
    ///
    /// # Errors
    /// When no TLS implementation is installed ([`install_tls`](super::install_tls)), the `User-Agent` is no
    /// header value, or the system's certificates cannot be read.
    pub fn new(config: HttpClientConfig) -> Result<Self> {
        Self::with_clock(config, Arc::new(SystemClock))
    }

    /// Makes a client that reads the dates of `Retry-After` by the given clock.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_clock(config: HttpClientConfig, clock: Arc<dyn WallClock>) -> Result<Self> {
        if !tls::is_installed() {
            return Err(Error::new(
                ErrorKind::Internal,
                "no TLS implementation is installed; call install_tls() first",
            ));
        }
        let targets = Arc::new(config.targets);
        let client = reqwest::Client::builder()
            .connect_timeout(config.connect_timeout)
            .timeout(config.total_timeout)
            .pool_idle_timeout(config.idle_timeout)
            .pool_max_idle_per_host(config.max_idle_per_host)
            .user_agent(config.user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .dns_resolver(Arc::new(GuardedResolver { policy: Arc::clone(&targets) }))
            .build()
            .map_err(|error| Error::new(ErrorKind::Internal, "the HTTP client cannot be made").with_source(error))?;
        let limits = Limits {
            body: config.max_body,
            error_body: config.max_error_body,
            error_body_within: config.error_body_timeout,
            retry_after: config.max_retry_after,
        };
        Ok(Self { client, targets, clock, limits })
    }

    async fn send(self, request: HttpRequest) -> Result<HttpResponse> {
        let request = reqwest::Request::try_from(request).map_err(failure::of)?;
        // The parsed form: a name in another script is punycode there, and an address is written as one.
        self.targets.check_url(request.url().as_str())?;
        let mut response = self.client.execute(request).await.map_err(failure::of)?;
        if let Some(kind) = ErrorKind::of_partner_status(response.status().as_u16()) {
            return Err(self.refusal(kind, response).await);
        }
        let (status, version) = (response.status(), response.version());
        let headers = std::mem::take(response.headers_mut());
        let mut answer = http::Response::new(body::whole(response, self.limits.body).await?);
        *answer.status_mut() = status;
        *answer.version_mut() = version;
        *answer.headers_mut() = headers;
        Ok(answer)
    }

    async fn refusal(&self, kind: ErrorKind, response: Response) -> Error {
        let status = response.status().as_u16();
        let delay = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| retry_after::parse(value, self.clock.timestamp(), self.limits.retry_after));
        let body = body::beginning(response, self.limits.error_body, self.limits.error_body_within).await;
        Error::new(kind, format!("the partner answered {status}"))
            .with_retry_after(delay)
            .with_answer(PartnerAnswer { status, body })
    }
}

impl Service<HttpRequest> for ReqwestClient {
    type Response = HttpResponse;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequest) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}

impl fmt::Debug for ReqwestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestClient").field("targets", &self.targets).field("limits", &self.limits).finish()
    }
}

#[cfg(test)]
mod tests;
