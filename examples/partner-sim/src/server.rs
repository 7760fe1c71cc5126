//! The server of all stand-ins, in process or alone.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, middleware};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    conexxus,
    config::SimConfig,
    connection::{Cut, CuttableListener},
    control,
    faults::{Fault, FaultReport, apply},
    ledger::Ledger,
    oracle::{self, ErrorMode},
    sales,
    world::{Shared, World},
};

/// How long a shutdown waits for answers under way.
const DRAIN: Duration = Duration::from_secs(1);

/// The running stand-ins; dropping it stops them.
pub struct Sim {
    address: SocketAddr,
    world: Shared,
    stop: CancellationToken,
    server: Option<JoinHandle<()>>,
}

impl Sim {
    /// Starts the stand-ins and returns once they accept calls.
    ///
    /// # Errors
    ///
    /// When the address is taken, the journal cannot be read, or a webhook secret is malformed.
    pub async fn start(config: SimConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen).await?;
        let address = listener.local_addr()?;
        let world = Arc::new(World::new(config)?);
        let stop = CancellationToken::new();
        let service = router(world.clone()).into_make_service_with_connect_info::<Cut>();
        let stopped = stop.clone().cancelled_owned();
        let serve = axum::serve(CuttableListener(listener), service).with_graceful_shutdown(stopped);
        let server = tokio::spawn(async move {
            if let Err(error) = serve.await {
                tracing::error!(%error, "sim.server ended");
            }
        });
        Ok(Self { address, world, stop, server: Some(server) })
    }

    /// Returns the address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the base address of all partners, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns a copy of all that has been seen.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.world.store.read(Ledger::clone)
    }

    /// Looks at the ledger without copying it, while no call is recorded.
    pub fn with_ledger<R>(&self, look: impl FnOnce(&Ledger) -> R) -> R {
        self.world.store.read(look)
    }

    /// Plans a misbehaviour.
    pub fn inject(&self, fault: Fault) {
        self.world.faults.inject(fault);
    }

    /// Forgets all planned misbehaviour.
    pub fn clear_faults(&self) {
        self.world.faults.clear();
    }

    /// Lists the faults and how often each has struck.
    #[must_use]
    pub fn faults(&self) -> Vec<FaultReport> {
        self.world.faults.report()
    }

    /// Replaces the items that Conexxus answers.
    pub fn set_items(&self, items: Vec<serde_json::Value>) {
        *self.world.items.lock() = items;
    }

    /// Chooses the form of Oracle's error bodies.
    pub fn set_oracle_errors(&self, mode: ErrorMode) {
        *self.world.oracle_errors.lock() = mode;
    }

    /// Stops accepting, finishes what is under way for at most a second, and frees the address.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if let Some(mut server) = self.server.take()
            && tokio::time::timeout(DRAIN, &mut server).await.is_err()
        {
            server.abort();
        }
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sim").field("address", &self.address).finish_non_exhaustive()
    }
}

/// All routes; faults meet partners only, never the controls.
fn router(world: Shared) -> Router {
    Router::new()
        .nest("/{system}", sales::routes())
        .nest("/oracle/fscmRestApi/resources/{version}", oracle::guarded(world.clone()))
        .nest("/conexxus/api/v1", conexxus::guarded(world.clone()))
        .layer(middleware::from_fn_with_state(world.clone(), apply))
        .nest("/_sim", control::routes())
        .with_state(world)
}
