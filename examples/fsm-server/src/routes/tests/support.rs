use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Request},
};
use fsm_integration_core::{
    clock::WallClock,
    layers::{retry::DurableSchedule, webhook::WebhookSecret},
    secret::{Secret, SecretPath, StaticSecrets},
    testing::VirtualClock,
};
use http_body_util::BodyExt;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt;

use super::super::api;
use crate::{
    config::Config,
    edge::Edge,
    flow::{Flow, Settings},
    partners::Partners,
    scheduler::{Gazetteer, Geocoder, default_team},
    store::{Store, tasks},
};

/// Longer than anything here takes on a machine that does something else besides.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server without sockets, in a directory and at a time of its own.
pub(super) struct Room {
    pub(super) app: Router,
    pub(super) flow: Flow,
    pub(super) clock: VirtualClock,
    pub(super) secret: WebhookSecret,
    _stop: DropGuard,
    _directory: TempDir,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// The fields that the error body names.
    pub(super) fn fields(&self) -> Vec<&str> {
        let details = self.body["error"]["details"].as_array().into_iter().flatten();
        details.map(|detail| detail["field"].as_str().unwrap_or_default()).collect()
    }
}

impl Room {
    /// A server that takes requests and does nothing else.
    pub(super) async fn open() -> Self {
        Self::with(Config::default()).await
    }

    /// A server whose flow runs.
    pub(super) async fn running() -> Self {
        Self::open().await.run()
    }

    /// Lets the flow run from now on.
    pub(super) fn run(self) -> Self {
        let stop = CancellationToken::new();
        for consumer in self.flow.consumers(&DurableSchedule::default()) {
            tokio::spawn(consumer.run(stop.clone()));
        }
        Self { _stop: stop.drop_guard(), ..self }
    }

    pub(super) async fn with(config: Config) -> Self {
        Self::built(config, Box::new(Gazetteer::bundled())).await
    }

    /// A server that asks this geocoder.
    pub(super) async fn located_by(geocoder: impl Geocoder) -> Self {
        Self::built(Config::default(), Box::new(geocoder)).await
    }

    async fn built(config: Config, geocoder: Box<dyn Geocoder>) -> Self {
        let directory = TempDir::new().unwrap();
        let clock = VirtualClock::starting_at("2025-01-15T10:00:00Z".parse().unwrap());
        let wall: Arc<dyn WallClock> = Arc::new(clock.clone());
        let store = Store::open(directory.path(), Arc::clone(&wall)).await.unwrap();
        let secret = WebhookSecret::generate().unwrap();
        let path = SecretPath::new("integrations/demo/sales/pyxis/webhook-secret").unwrap();
        let secrets = StaticSecrets::from_iter([(path, Secret::new(secret.expose().to_string()))]);
        let partners = Partners::new(config.clone(), Box::new(secrets), Arc::clone(&wall));
        let settings =
            Settings { technicians: default_team(), horizon_days: 30, geocoder, provider_share: Decimal::new(70, 2) };
        let flow = Flow::new(store, partners, settings);
        let edge = Edge::new(&config.server, Arc::clone(&wall));
        let app = edge.outer(api(flow.clone(), &config, &edge, wall));
        Self { app, flow, clock, secret, _stop: CancellationToken::new().drop_guard(), _directory: directory }
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.app.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).expect("JSON") };
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, &[], body.to_string()).await
    }

    pub(super) async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.into())).unwrap()).await
    }

    /// Asks until the answer is the one that is waited for.
    pub(super) async fn until(&self, path: &str, found: impl Fn(&Value) -> bool) -> Value {
        let asking = async {
            loop {
                let answer = self.get(path).await;
                if answer.status == 200 && found(&answer.body) {
                    return answer.body;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{path} never said so"))
    }

    /// How many events of a topic were published.
    pub(super) async fn published(&self, topic: &'static str) -> usize {
        let count = self.flow.store().read(move |db| {
            Ok(db.query_row("SELECT count(*) FROM event_log WHERE topic = ?1", [topic], |row| row.get::<_, i64>(0))?)
        });
        usize::try_from(count.await.unwrap()).unwrap()
    }

    /// The types of what waits for an operator, newest first.
    pub(super) async fn tasks(&self) -> Vec<String> {
        let tasks = self.flow.store().read(|db| tasks::recent(db, 100)).await.unwrap();
        tasks.into_iter().map(|task| task.task_type).collect()
    }

    pub(super) async fn until_asked(&self, tasks: &[&str]) {
        let waiting = async {
            while self.tasks().await != tasks {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("nobody was asked {tasks:?}"));
    }

    pub(super) async fn until_published(&self, topic: &'static str, count: usize) {
        let waiting = async {
            while self.published(topic).await < count {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{topic} was not published"));
    }
}

/// The sample order of seed 000.
pub(super) fn sample() -> Value {
    partner_sim::sales::sample_order()
}

/// A value with one place changed.
pub(super) fn with(mut value: Value, name: &str, inner: Value) -> Value {
    value[name] = inner;
    value
}

pub(super) fn sales_order() -> Value {
    json!({
        "orderNumber": "ORD-12345", "customerId": "CUST-1", "company": "Acme", "priority": "high",
        "deploymentInstanceId": "dep-1",
        "serviceAddress": {"street": "123 Main St", "city": "Lagos", "postalCode": "100001", "country": "NG"},
        "items": [{"productId": "FIBER-1GB", "serialNumbers": ["SN123", "SN456"]}],
        "totalAmount": {"amount": "108.49", "currency": "USD"}
    })
}

/// The manual ticket of seed 003, in its spelling.
pub(super) fn ticket() -> Value {
    json!({
        "ticket_type": "installation_request", "subject": "Manual Installation", "customer_id": "CUST-1",
        "affected_services": ["fiber"], "device_serial_numbers": ["SN1"]
    })
}

pub(super) fn slot_query() -> Value {
    json!({
        "serviceAddress": {"latitude": 37.789, "longitude": -122.394},
        "serviceType": "INSTALLATION", "estimatedDuration": 120,
        "dateRange": {"startDate": "2025-01-20", "endDate": "2025-01-24"},
        "requiredSkills": ["FIBER_INSTALLATION"]
    })
}
