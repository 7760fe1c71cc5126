mod cached;
mod failure;
mod handover;
#[cfg(all(feature = "sqlite", feature = "testing"))]
mod jumps;
mod layer;
mod linearizable;
mod manager;
mod memory;
#[cfg(all(feature = "sqlite", feature = "testing"))]
mod model;
mod observed;
mod recovery;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::{
    convert::Infallible,
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::time::{sleep, timeout};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::*;
use crate::error::{Error, ErrorKind, IdempotencyConflict};

const A: Fingerprint = Fingerprint([1; 32]);
const B: Fingerprint = Fingerprint([2; 32]);

type Manager<T> = IdempotencyManager<MemoryIdempotencyStore<T>>;

fn manager<T: Clone + Send + 'static>() -> Manager<T> {
    IdempotencyManager::new(MemoryIdempotencyStore::default())
}

fn key(client: &str) -> IdempotencyKey {
    IdempotencyKey::new("demo", "order.intake", client).expect("a key")
}

/// Work that counts its executions and returns the number.
async fn count(runs: &AtomicU32, takes: Duration) -> Result<u32, Error> {
    let run = runs.fetch_add(1, Ordering::SeqCst) + 1;
    sleep(takes).await;
    Ok(run)
}

async fn count_to_one() -> Result<u32, Error> {
    sleep(Duration::from_secs(1)).await;
    Ok(1)
}
