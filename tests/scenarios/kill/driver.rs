use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use partner_sim::sales::OrderBook;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::api::{Api, Refused};

/// How many orders are under way at the same time.
const JOURNEYS: usize = 8;
/// How long each waits before the next one: the ERP takes five calls a second, two an order.
const BETWEEN: Duration = Duration::from_millis(300);
/// Every so many orders the sales system sends one that was accepted again.
const AGAIN: u64 = 4;

/// An order that was answered with 202.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    pub(super) external_order_id: String,
    pub(super) order_id: String,
    pub(super) correlation_id: String,
}

/// The sales systems and the technicians: they send orders and see them through, until told to stop.
pub(super) struct Driver {
    shared: Arc<Shared>,
    journeys: JoinSet<()>,
}

struct Shared {
    api: Api,
    book: OrderBook,
    next: AtomicU64,
    stopped: AtomicBool,
    accepted: Mutex<BTreeMap<u64, Accepted>>,
    complaints: Mutex<Vec<String>>,
}

impl Driver {
    pub(super) fn start(api: Api, seed: u64) -> Self {
        let book = OrderBook { prefix: format!("KILL-{seed}"), ..OrderBook::default() };
        let shared = Arc::new(Shared {
            api,
            book,
            next: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            accepted: Mutex::default(),
            complaints: Mutex::default(),
        });
        let mut journeys = JoinSet::new();
        for _ in 0..JOURNEYS {
            journeys.spawn(Arc::clone(&shared).see_orders_through());
        }
        Self { shared, journeys }
    }

    /// Every order that was answered with 202 so far.
    pub(super) fn accepted(&self) -> Vec<Accepted> {
        locked(&self.shared.accepted).values().cloned().collect()
    }

    /// Every definite no, and every answer that changed.
    pub(super) fn complaints(&self) -> Vec<String> {
        locked(&self.shared.complaints).clone()
    }

    /// Sends no more orders, and returns once those under way are signed for.
    pub(super) async fn finish(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        while let Some(journey) = self.journeys.join_next().await {
            journey.expect("a journey does not panic");
        }
    }
}

impl Shared {
    async fn see_orders_through(self: Arc<Self>) {
        while !self.stopped.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if let Err(refused) = self.journey(number).await {
                locked(&self.complaints).push(format!("order {number}: {refused}"));
            }
            tokio::time::sleep(BETWEEN).await;
        }
    }

    async fn journey(&self, number: u64) -> Result<(), Refused> {
        let order_id = self.intake(number).await?;
        let scheduled = |order: &Value| (order["status"] == "SCHEDULED").then_some(());
        self.api.until(&format!("/api/v2/orders/{order_id}"), scheduled).await?;
        self.api.post(&format!("/api/v1/sales/orders/{order_id}/complete"), &json!({})).await?;
        let job = |list: &Value| text(list, "/jobs/0/id");
        let job = self.api.until(&format!("/api/v1/jobs?orderId={order_id}"), job).await?;
        let gps = json!({"gps": {"lat": 37.789, "lng": -122.394}});
        self.api.post(&format!("/api/v1/jobs/{job}/check-in"), &gps).await?;
        let left = self.api.post(&format!("/api/v1/jobs/{job}/check-out"), &json!({"completed": true})).await?;
        let form = text(&left, "/wcf/id").unwrap_or_default();
        let signature = json!({"accepted": true, "reserves": []});
        self.api.post(&format!("/api/v1/wcfs/{form}/sign"), &signature).await.map(drop)
    }

    /// Posts an order until it is accepted; now and then once more, which must change nothing.
    async fn intake(&self, number: u64) -> Result<String, Refused> {
        const INTAKE: &str = "/api/v2/orders/intake";
        let order = self.book.order(number);
        let answer = self.api.post(INTAKE, &order).await?;
        let field = |pointer: &str| text(&answer, pointer).unwrap_or_default();
        let accepted = Accepted {
            external_order_id: field("/externalOrderId"),
            order_id: field("/orderId"),
            correlation_id: field("/correlationId"),
        };
        let order_id = accepted.order_id.clone();
        locked(&self.accepted).insert(number, accepted);
        if number.is_multiple_of(AGAIN) {
            let again = self.api.post(INTAKE, &order).await?;
            if again != answer {
                locked(&self.complaints).push(format!("order {number} was answered {answer}, then {again}"));
            }
        }
        Ok(order_id)
    }
}

fn text(body: &Value, pointer: &str) -> Option<String> {
    body.pointer(pointer)?.as_str().map(str::to_owned)
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
