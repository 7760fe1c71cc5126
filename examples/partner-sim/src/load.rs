//! Load: many sales clients that post distinct orders as fast as they are answered.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::Serialize;
use tokio::time::Instant;

use crate::sales::{OrderBook, SalesClient, SalesSystem, http_client};

/// When a load run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadUntil {
    /// After so many orders over all clients.
    Count(u64),
    /// After so much time; answers under way are awaited.
    Elapsed(Duration),
}

/// A tenant that orders are posted for.
#[derive(Clone, Default)]
pub struct Tenant {
    /// Its id.
    pub id: String,
    /// Its bearer key, if one is wanted.
    pub api_key: Option<String>,
}

/// Names no key.
impl std::fmt::Debug for Tenant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Tenant").field(&self.id).finish()
    }
}

/// Settings of a load run.
#[derive(Debug, Clone)]
pub struct LoadConfig {
    /// The base address of the field service system.
    pub target: String,
    /// How many clients post at the same time, each on its own connection; 8 by default.
    pub clients: usize,
    /// When it ends; after 1000 orders by default.
    pub until: LoadUntil,
    /// The tenants that take turns, one each order; `demo` by default.
    pub tenants: Vec<Tenant>,
    /// The orders; give each run its own prefix.
    pub book: OrderBook,
    /// How long a call may take, 30 s by default.
    pub timeout: Duration,
}

impl Default for LoadConfig {
    fn default() -> Self {
        Self {
            target: "http://127.0.0.1:8080".into(),
            clients: 8,
            until: LoadUntil::Count(1000),
            tenants: vec![Tenant { id: "demo".into(), api_key: None }],
            book: OrderBook::default(),
            timeout: Duration::from_secs(30),
        }
    }
}

/// An order that was answered with 202.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AcceptedOrder {
    /// The tenant.
    pub tenant: String,
    /// The sales system's id.
    pub external_order_id: String,
    /// The field service system's id.
    pub order_id: String,
}

/// What came of a load run; latencies are of all answered calls.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadReport {
    /// Answers 202 with an order id.
    pub accepted: u64,
    /// Answers 4xx, rate limits among them.
    pub refused: u64,
    /// Any other answer, and calls without one.
    pub failed: u64,
    /// How long the run took.
    pub elapsed: Duration,
    /// Accepted orders per second.
    pub throughput: f64,
    /// The median latency.
    pub p50: Duration,
    /// The 99th percentile of latencies.
    pub p99: Duration,
    /// The largest latency.
    pub max: Duration,
    /// Every accepted order.
    pub orders: Vec<AcceptedOrder>,
}

/// Posts orders in a closed loop: each client sends its next order when the last is answered.
///
/// # Cancel safety
///
/// Dropping the future stops the clients; orders that were accepted by then are not reported.
pub async fn run(config: LoadConfig) -> LoadReport {
    let started = Instant::now();
    let clients = config.clients.max(1);
    let shared = Arc::new(Shared { config, started, next: AtomicU64::new(0) });
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..clients {
        tasks.spawn(shared.clone().client());
    }
    let mut tally = Tally::default();
    while let Some(done) = tasks.join_next().await {
        tally.merge(done.expect("a load client does not panic"));
    }
    tally.report(started.elapsed())
}

struct Shared {
    config: LoadConfig,
    started: Instant,
    next: AtomicU64,
}

impl Shared {
    async fn client(self: Arc<Self>) -> Tally {
        let http = http_client(self.config.timeout);
        let mut tally = Tally::default();
        while let Some(number) = self.take() {
            self.post(&http, number, &mut tally).await;
        }
        tally
    }

    fn take(&self) -> Option<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let more = match self.config.until {
            LoadUntil::Count(count) => number < count,
            LoadUntil::Elapsed(limit) => self.started.elapsed() < limit,
        };
        more.then_some(number)
    }

    async fn post(&self, http: &reqwest::Client, number: u64, tally: &mut Tally) {
        let order = self.config.book.order(number);
        let client = self.client_of(http, number);
        let sent = Instant::now();
        let answer = client.post_order(&order).await;
        let latency = sent.elapsed();
        match answer {
            Ok(answer) => {
                tally.latencies.push(latency);
                match (answer.status.as_u16(), answer.text("/orderId")) {
                    (202, Some(order_id)) => tally.orders.push(AcceptedOrder {
                        tenant: client.tenant,
                        external_order_id: order["externalOrderId"].as_str().unwrap_or_default().to_owned(),
                        order_id: order_id.to_owned(),
                    }),
                    (400..500, _) => tally.refused += 1,
                    _ => tally.failed += 1,
                }
            }
            Err(error) => {
                tracing::debug!(%error, number, "load.order had no answer");
                tally.failed += 1;
            }
        }
    }

    fn client_of(&self, http: &reqwest::Client, number: u64) -> SalesClient {
        let turn = number.checked_rem(self.config.tenants.len() as u64).and_then(|turn| usize::try_from(turn).ok());
        let tenant = turn.and_then(|turn| self.config.tenants.get(turn)).cloned().unwrap_or_default();
        let mut client = SalesClient::with_http(&self.config.target, SalesSystem::Pyxis, http.clone());
        (client.tenant, client.api_key) = (tenant.id, tenant.api_key);
        client
    }
}

#[derive(Default)]
struct Tally {
    refused: u64,
    failed: u64,
    latencies: Vec<Duration>,
    orders: Vec<AcceptedOrder>,
}

impl Tally {
    fn merge(&mut self, other: Self) {
        self.refused += other.refused;
        self.failed += other.failed;
        self.latencies.extend(other.latencies);
        self.orders.extend(other.orders);
    }

    #[expect(clippy::cast_precision_loss, reason = "orders per second need no 53 bits")]
    fn report(mut self, elapsed: Duration) -> LoadReport {
        self.latencies.sort_unstable();
        let accepted = self.orders.len() as u64;
        LoadReport {
            accepted,
            refused: self.refused,
            failed: self.failed,
            elapsed,
            throughput: accepted as f64 / elapsed.as_secs_f64().max(f64::EPSILON),
            p50: percentile(&self.latencies, 50),
            p99: percentile(&self.latencies, 99),
            max: self.latencies.last().copied().unwrap_or_default(),
            orders: self.orders,
        }
    }
}

/// The nearest-rank percentile of sorted values.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_rank() {
        let values: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&values, 50), Duration::from_millis(100));
        assert_eq!(percentile(&values, 99), Duration::from_millis(198));
        assert_eq!(percentile(&values[..1], 99), Duration::from_millis(1));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }
}
