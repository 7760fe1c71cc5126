use std::{fmt, sync::Arc};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use fsm_integration_core::{
    adapter::{AdapterId, ExternalResponse, IntegrationAdapter, IntegrationContext},
    clock::{Clock, SystemClock, WallClock},
    error::{Error, ErrorKind, FieldErrors, Result},
    http_client::{HttpService, TransportCause},
    observe::health::{Health, HealthStatus},
};
use http::HeaderValue;

use crate::{
    config::ErpConfig,
    outbound::Fusion,
    translate::{self, InvoiceReceipt, ProviderInvoice},
    wire::Invoice,
};

/// Creates providers' invoices in Oracle Fusion Payables, each exactly once.
///
/// The client should be a whole stack of layers; its retry layer repeats look-ups, never the POST, which
/// carries no idempotency key. A whole call may be repeated at any time: it looks up first.
///
/// ```
/// use std::sync::Arc;
///
/// use fsm_adapters_erp::{ErpConfig, OracleErp, basic_authorization};
/// use fsm_integration_core::{
///     clock::SystemClock,
///     http_client::{HttpClientConfig, HttpService, ReqwestClient, install_tls},
/// };
///
/// install_tls();
/// let config = ErpConfig {
///     base_url: "https://pod.fa.region.oraclecloud.com".into(),
///     business_unit: "Vision Operations".into(),
///     ..ErpConfig::default()
/// };
/// let client = HttpService::new(ReqwestClient::new(HttpClientConfig::default())?);
/// let erp = OracleErp::new(config, basic_authorization("fsm", "secret")?, client, Arc::new(SystemClock))?;
/// # Ok::<(), fsm_integration_core::error::Error>(())
/// ```
///
/// # Cancel safety
/// A call dropped after its POST may have created the invoice; repeat it to know.
pub struct OracleErp {
    id: AdapterId,
    version: semver::Version,
    config: ErpConfig,
    fusion: Fusion,
    clock: Arc<dyn WallClock>,
}

/// The header of HTTP Basic authentication, marked sensitive.
///
/// # Errors
/// A user with a colon, which the scheme cannot express.
pub fn basic_authorization(user: &str, password: &str) -> Result<HeaderValue> {
    if user.contains(':') {
        return Err(Error::new(ErrorKind::InvalidRequest, "the user of basic authentication must not hold a colon"));
    }
    let text = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let mut value = HeaderValue::try_from(text).expect("base64 is ASCII");
    value.set_sensitive(true);
    Ok(value)
}

impl OracleErp {
    /// Above this an answer to the health check is slow.
    const SLOW_MILLIS: u128 = 2000;

    /// Makes the adapter; `authorization` as [`basic_authorization`] gives it, or a bearer token.
    ///
    /// # Errors
    /// Every setting that is wrong.
    pub fn new(
        config: ErpConfig,
        mut authorization: HeaderValue,
        client: HttpService,
        clock: Arc<dyn WallClock>,
    ) -> Result<Self> {
        config.check().map_err(|details| Error::invalid(ErrorKind::InvalidRequest, details))?;
        authorization.set_sensitive(true);
        let (base_url, page_size) = (config.base_url.clone(), config.page_size);
        Ok(Self {
            id: AdapterId::new("oracle-erp").expect("a valid name"),
            version: semver::Version::new(3, 0, 0),
            config,
            fusion: Fusion { base_url, authorization, page_size, client },
            clock,
        })
    }

    async fn find(&self, request: &ProviderInvoice, context: &IntegrationContext) -> Result<Vec<Invoice>> {
        let number = translate::invoice_number(&request.service_order_id);
        self.fusion.find(&number, &request.provider_id, context).await
    }

    async fn create(&self, request: &ProviderInvoice, context: &IntegrationContext) -> Result<InvoiceReceipt> {
        let invoice = translate::new_invoice(request, &self.config);
        self.transform(self.fusion.create(&invoice, context).await?)
    }

    /// What became of a POST whose end left it open; its failure if the look-up does not tell.
    async fn settle(
        &self,
        request: &ProviderInvoice,
        context: &IntegrationContext,
        failure: Error,
    ) -> Result<InvoiceReceipt> {
        match self.find(request, context).await {
            // Nothing found: a later attempt looks up first again, for the POST may still be under way.
            Ok(found) => translate::existing(request, &found)?.ok_or(failure),
            // "Exists already" is final, not knowing with which amount is not.
            Err(later) if translate::is_duplicate(&failure) => Err(later),
            Err(_) => Err(failure),
        }
    }
}

/// Whether the POST may have been worked on although no success came back.
fn is_ambiguous(failure: &Error) -> bool {
    use TransportCause::{HostNotFound, NotConnected, Refused};
    let kind = failure.kind();
    let lost = matches!(
        kind,
        ErrorKind::Timeout
            | ErrorKind::Unavailable
            | ErrorKind::PartnerUnreadable
            | ErrorKind::OutcomeUnknown
            | ErrorKind::Unclassified
            | ErrorKind::Internal
    );
    let never_sent = matches!(TransportCause::of(failure), Some(HostNotFound | NotConnected | Refused));
    (lost && !never_sent) || translate::is_duplicate(failure)
}

#[async_trait]
impl IntegrationAdapter for OracleErp {
    type Request = ProviderInvoice;
    type Response = InvoiceReceipt;

    fn id(&self) -> &AdapterId {
        &self.id
    }

    fn version(&self) -> &semver::Version {
        &self.version
    }

    fn validate(&self, request: &ProviderInvoice) -> Result<(), FieldErrors> {
        translate::check(request)
    }

    async fn execute(&self, request: &ProviderInvoice, context: &IntegrationContext) -> Result<InvoiceReceipt> {
        let found = self.find(request, context).await?;
        if let Some(receipt) = translate::existing(request, &found)? {
            return Ok(receipt);
        }
        match self.create(request, context).await {
            Err(failure) if is_ambiguous(&failure) => self.settle(request, context, failure).await,
            result => result,
        }
    }

    fn transform(&self, answer: ExternalResponse) -> Result<InvoiceReceipt> {
        translate::created(answer)
    }

    async fn health_check(&self) -> HealthStatus {
        let start = SystemClock.now();
        let result = self.fusion.ping().await;
        let latency = SystemClock.now().duration_since(start);
        let health = match &result {
            Ok(()) if latency.as_millis() < Self::SLOW_MILLIS => Health::Healthy,
            Ok(()) => Health::Degraded,
            Err(_) => Health::Unhealthy,
        };
        let message = result.err().map(|error| error.to_string());
        HealthStatus { health, latency, checked_at: self.clock.timestamp(), message }
    }
}

impl fmt::Debug for OracleErp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OracleErp").field("config", &self.config).finish_non_exhaustive()
    }
}
