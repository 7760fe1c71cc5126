//! Puts the server together in the order of the picture, runs it, and ends it without losing anything.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use fsm_integration_core::{
    clock::WallClock,
    error::{Error, ErrorKind, Result},
    event::{catalogue, consumer::ConsumerHandle, dead_letter::DeadLetters, log::Retention},
    http_client::install_tls,
    layers::retry::DurableSchedule,
};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock::ServerClock,
    config::{Config, ServerConfig},
    edge::{
        AdminToken, Edge, TenantKeys,
        listen::{self, ListenLimits},
    },
    flow::{self, Flow},
    ops::{self, Ops},
    partners::Partners,
    point_of_sale::{self, PointOfSale},
    routes,
    scheduler::Gazetteer,
    secrets,
    store::Store,
    telemetry::Telemetry,
};

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    public: SocketAddr,
    admin: SocketAddr,
    store: Store,
    consumers: Vec<ConsumerHandle>,
    intake: CancellationToken,
    work: CancellationToken,
    listeners: TaskTracker,
    workers: TaskTracker,
    grace: Duration,
}

impl Server {
    /// Opens the store, starts every part and listens.
    ///
    /// # Errors
    /// The store or an address cannot be used; says which.
    pub async fn start(config: Config, clock: ServerClock, telemetry: Telemetry) -> Result<Self> {
        install_tls();
        let clock: Arc<dyn WallClock> = Arc::new(clock);
        let store = Store::open(&config.server.data_dir, Arc::clone(&clock)).await?;
        let partners = Partners::new(config.clone(), secrets::source(&config.secrets), Arc::clone(&clock));
        let flow = Flow::new(store.clone(), partners.clone(), settings(&config));
        let point_of_sale = PointOfSale::new(store.clone(), &partners, Arc::clone(&clock));

        let (work, workers) = (CancellationToken::new(), TaskTracker::new());
        let consumers = start_workers(&flow, &point_of_sale, &config, &work, &workers);
        workers.spawn(upkeep(store.clone(), telemetry.clone(), work.clone()));
        workers.spawn(sweep_log(store.clone(), retention(&consumers), work.clone()));

        let letters = DeadLetters::new(store.log().clone());
        let ops = Ops::new(flow.clone(), consumers.clone(), letters, telemetry);
        let edge = Edge::new(&config.server, Arc::clone(&clock));
        let (intake, listeners) = (CancellationToken::new(), TaskTracker::new());
        let public_routes = public(&flow, point_of_sale, &ops, &config, &edge, &clock);
        let public = spawn(config.server.listen, public_routes, &config.server, &intake, &listeners).await?;
        // Bounds of their own: operators are served when the public API is full.
        let admin_routes = admin(ops, &config, &Edge::new(&config.server, clock));
        let admin = spawn(config.server.admin_listen, admin_routes, &config.server, &intake, &listeners).await?;
        let grace = config.server.shutdown_grace;
        Ok(Self { public, admin, store, consumers, intake, work, listeners, workers, grace })
    }

    /// Where the public API listens.
    #[must_use]
    pub fn public(&self) -> SocketAddr {
        self.public
    }

    /// Where operators are served.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// What it keeps.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Its consumer groups.
    #[must_use]
    pub fn consumers(&self) -> &[ConsumerHandle] {
        &self.consumers
    }

    /// Takes no more requests, finishes what is under way, and ends; what is not finished is done at the next start.
    pub async fn stop(self) {
        self.intake.cancel();
        self.listeners.close();
        self.listeners.wait().await;
        self.work.cancel();
        self.workers.close();
        if tokio::time::timeout(self.grace, self.workers.wait()).await.is_err() {
            tracing::warn!(
                left = self.workers.len(),
                "shutdown did not wait for all work; it goes on at the next start"
            );
        }
    }
}

/// Runs a server until the token is cancelled.
///
/// # Errors
/// As [`Server::start`].
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<()> {
    let telemetry = Telemetry::install(&config.telemetry)
        .map_err(|error| Error::new(ErrorKind::Internal, "metrics cannot be installed").with_source(error))?;
    let without_keys = config.auth.keys.is_empty();
    let server = Server::start(config, ServerClock::default(), telemetry).await?;
    tracing::info!(public = %server.public(), operators = %server.admin(), "serving");
    if without_keys {
        tracing::warn!("no API key is configured: only this machine is served, the tenant is taken from X-Tenant-Id");
    }
    shutdown.cancelled().await;
    server.stop().await;
    tracing::info!("stopped");
    Ok(())
}

fn settings(config: &Config) -> flow::Settings {
    flow::Settings {
        technicians: config.scheduler.technicians.clone(),
        horizon_days: config.scheduler.horizon_days,
        geocoder: Box::new(Gazetteer::bundled()),
        provider_share: config.erp.provider_share,
    }
}

fn start_workers(
    flow: &Flow,
    point_of_sale: &PointOfSale,
    config: &Config,
    work: &CancellationToken,
    workers: &TaskTracker,
) -> Vec<ConsumerHandle> {
    let schedule = DurableSchedule {
        delays: config.webhooks.schedule.clone(),
        jitter_factor: config.webhooks.jitter,
        ..DurableSchedule::default()
    };
    let start = |consumer: fsm_integration_core::event::consumer::Consumer| {
        let handle = consumer.handle();
        workers.spawn(consumer.run(work.clone()));
        handle
    };
    let handles = flow.consumers(&schedule).into_iter().map(start).collect();
    let (point_of_sale, work) = (point_of_sale.clone(), work.clone());
    workers.spawn(async move { point_of_sale.run(work).await });
    handles
}

/// The public listener: the API and the back office behind keys and bounds, the probes beside them.
fn public(
    flow: &Flow,
    point_of_sale: PointOfSale,
    ops: &Ops,
    config: &Config,
    edge: &Edge,
    clock: &Arc<dyn WallClock>,
) -> Router {
    let keys = TenantKeys::new(&config.auth);
    let back_office = edge.guard(keys.protect(point_of_sale::routes(point_of_sale)));
    let api = routes::api(flow.clone(), config, edge, Arc::clone(clock));
    edge.outer(api.merge(back_office).merge(ops::probes(ops.clone())))
}

fn admin(ops: Ops, config: &Config, edge: &Edge) -> Router {
    edge.outer(edge.guard(AdminToken::new(&config.auth).protect(ops::admin(ops))))
}

async fn spawn(
    address: SocketAddr,
    router: Router,
    config: &ServerConfig,
    shutdown: &CancellationToken,
    listeners: &TaskTracker,
) -> Result<SocketAddr> {
    let cannot = |error| {
        Error::new(ErrorKind::Unavailable, format!("cannot listen on {address}; is another server running?"))
            .with_source(error)
    };
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    let bound = listener.local_addr().map_err(cannot)?;
    let limits = ListenLimits { header_timeout: config.header_timeout, grace: config.shutdown_grace };
    listeners.spawn(listen::serve(listener, router, limits, shutdown.clone()));
    Ok(bound)
}

/// What has to be swept now and then.
async fn upkeep(store: Store, telemetry: Telemetry, shutdown: CancellationToken) {
    const EVERY: Duration = Duration::from_secs(5);
    while tokio::time::timeout(EVERY, shutdown.cancelled()).await.is_err() {
        telemetry.run_upkeep();
        if let Err(error) = store.sweep().await {
            tracing::warn!(error = %error, "expired idempotency keys could not be removed");
        }
    }
}

/// As the catalogue says; every group of this server is named.
fn retention(consumers: &[ConsumerHandle]) -> Retention {
    Retention {
        topics: catalogue::ALL.iter().map(|spec| (spec.topic.clone(), spec.retention)).collect(),
        groups: consumers.iter().map(|group| (group.group().into(), group.topics().into())).collect(),
    }
}

async fn sweep_log(store: Store, retention: Retention, shutdown: CancellationToken) {
    const EVERY: Duration = Duration::from_secs(60 * 60);
    loop {
        // What is left at shutdown goes in the next sweep.
        let Some(swept) = shutdown.run_until_cancelled(store.log().sweep(retention.clone())).await else { return };
        match swept {
            Ok(swept) => tracing::debug!(swept.records, swept.dead_letters, "old events removed"),
            Err(error) => tracing::warn!(error = %error.chain(), "old events could not be removed"),
        }
        if tokio::time::timeout(EVERY, shutdown.cancelled()).await.is_ok() {
            return;
        }
    }
}
