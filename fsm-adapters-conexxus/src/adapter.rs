use std::{
    collections::HashSet,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use fsm_integration_core::{
    adapter::{AdapterId, ExternalResponse, IntegrationAdapter, IntegrationContext},
    clock::{Clock, SystemClock, WallClock},
    error::{Error, ErrorKind, FieldErrors, Result},
    http_client::HttpService,
    observe::health::{Health, HealthStatus},
};
use http::HeaderValue;

use crate::{
    business_day::BusinessDay,
    config::ConexxusConfig,
    outbound::Api,
    translate::{self, DailySales, Inventory, InventoryRequest},
};

/// The way to the back office; cheap to clone, clones share it.
#[derive(Clone)]
pub struct Conexxus(Arc<Inner>);

struct Inner {
    version: semver::Version,
    config: ConexxusConfig,
    days: BusinessDay,
    api: Api,
    clock: Arc<dyn WallClock>,
    syncing: AtomicBool,
}

impl Conexxus {
    /// Shortest API key that is believed to be one.
    pub const MIN_KEY: usize = 10;

    /// Takes the settings, the API key and the stack that the calls go through.
    ///
    /// # Errors
    /// Every setting that is wrong.
    pub fn new(
        config: ConexxusConfig,
        mut api_key: HeaderValue,
        client: HttpService,
        clock: Arc<dyn WallClock>,
    ) -> Result<Self> {
        config.check().map_err(|details| Error::invalid(ErrorKind::InvalidRequest, details))?;
        if api_key.len() < Self::MIN_KEY {
            return Err(Error::new(ErrorKind::InvalidRequest, "the API key has at least 10 characters"));
        }
        api_key.set_sensitive(true);
        let days = BusinessDay::new(&config.time_zone, config.push_at)?;
        let api = Api { base_url: config.base_url.clone(), key: api_key, timeout: config.timeout, client };
        let version = semver::Version::new(1, 0, 0);
        Ok(Self(Arc::new(Inner { version, config, days, api, clock, syncing: AtomicBool::new(false) })))
    }

    /// The settings, as they were checked.
    #[must_use]
    pub fn config(&self) -> &ConexxusConfig {
        &self.0.config
    }

    /// The location's business days, which say what is due.
    #[must_use]
    pub fn days(&self) -> &BusinessDay {
        &self.0.days
    }

    async fn health(&self) -> HealthStatus {
        let start = SystemClock.now();
        let result = self.0.api.health().await.and_then(|answer| translate::is_ok(answer.body()));
        let latency = SystemClock.now().duration_since(start);
        let (health, message) = match result {
            Ok(true) => (Health::Healthy, None),
            Ok(false) => (Health::Degraded, Some("Conexxus API says that it is not ok".to_owned())),
            Err(error) => (Health::Unhealthy, Some(error.to_string())),
        };
        HealthStatus { health, latency, checked_at: self.0.clock.timestamp(), message }
    }
}

impl fmt::Debug for Conexxus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conexxus").field("config", &self.0.config).finish_non_exhaustive()
    }
}

/// Fetches the inventory; one fetch at a time, whether a schedule or a person asked for it (F-X3).
#[derive(Debug, Clone)]
pub struct InventorySync {
    id: AdapterId,
    conexxus: Conexxus,
}

impl InventorySync {
    /// Makes the adapter.
    #[must_use]
    pub fn new(conexxus: Conexxus) -> Self {
        Self { id: AdapterId::new("conexxus-inventory").expect("a valid name"), conexxus }
    }
}

/// Ends the fetch under way when it is dropped, a cancelled one included.
struct Syncing<'a>(&'a AtomicBool);

impl<'a> Syncing<'a> {
    fn begin(flag: &'a AtomicBool) -> Result<Self> {
        if flag.swap(true, Ordering::Acquire) {
            return Err(Error::new(ErrorKind::InProgress, "an inventory sync is under way; its result will do"));
        }
        Ok(Self(flag))
    }
}

impl Drop for Syncing<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[async_trait]
impl IntegrationAdapter for InventorySync {
    type Request = InventoryRequest;
    type Response = Inventory;

    fn id(&self) -> &AdapterId {
        &self.id
    }

    fn version(&self) -> &semver::Version {
        &self.conexxus.0.version
    }

    fn validate(&self, _: &InventoryRequest) -> Result<(), FieldErrors> {
        Ok(())
    }

    async fn execute(&self, request: &InventoryRequest, context: &IntegrationContext) -> Result<Inventory> {
        let _syncing = Syncing::begin(&self.conexxus.0.syncing)?;
        self.conexxus.0.api.inventory(request, context).await
    }

    fn transform(&self, answer: ExternalResponse) -> Result<Inventory> {
        let page = translate::page(&answer.success()?, 0)?;
        Ok(Inventory { items: page.items, rejected: page.rejected, ..Inventory::default() })
    }

    async fn health_check(&self) -> HealthStatus {
        self.conexxus.health().await
    }
}

/// Pushes the sales of a business day that is over, under one idempotency key a day (F-X1).
#[derive(Debug, Clone)]
pub struct SalesPush {
    id: AdapterId,
    conexxus: Conexxus,
}

impl SalesPush {
    /// Makes the adapter.
    #[must_use]
    pub fn new(conexxus: Conexxus) -> Self {
        Self { id: AdapterId::new("conexxus-sales").expect("a valid name"), conexxus }
    }
}

#[async_trait]
impl IntegrationAdapter for SalesPush {
    type Request = DailySales;
    type Response = ();

    fn id(&self) -> &AdapterId {
        &self.id
    }

    fn version(&self) -> &semver::Version {
        &self.conexxus.0.version
    }

    /// A day still open is refused: pushed now, its key would be used up by a part of its sales.
    fn validate(&self, request: &DailySales) -> Result<(), FieldErrors> {
        let days = self.conexxus.days();
        let mut errors = FieldErrors::default();
        if self.conexxus.0.clock.timestamp() < days.due(request.date) {
            errors.push("date", "is a business day that is not over yet");
        }
        let (period, mut seen) = (days.period(request.date), HashSet::new());
        for (index, sale) in request.transactions.iter().enumerate() {
            if sale.id.is_empty() || !seen.insert(&sale.id) {
                errors.push(format!("transactions[{index}].id"), "must be there, once in the day");
            }
            if !period.contains(&sale.timestamp) {
                errors.push(format!("transactions[{index}].timestamp"), "is of another business day");
            }
        }
        errors.into_result()
    }

    async fn execute(&self, request: &DailySales, context: &IntegrationContext) -> Result<()> {
        let Inner { config, api, .. } = &*self.conexxus.0;
        let key = translate::push_key(&config.location_id, request);
        let sales = translate::sales(request, &config.location_id);
        let answer = api.push(&sales, &key, context).await?;
        self.transform(ExternalResponse { status: answer.status().as_u16(), body: answer.into_body() })
    }

    fn transform(&self, answer: ExternalResponse) -> Result<()> {
        translate::open(&answer.success()?).map(drop)
    }

    async fn health_check(&self) -> HealthStatus {
        self.conexxus.health().await
    }
}
