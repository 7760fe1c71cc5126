mod dead_letters;
mod operators;
mod page;
mod privacy;
mod probes;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body};
use fsm_integration_core::{
    adapter::{CorrelationId, TenantId},
    clock::SystemClock,
    error::{Error, ErrorKind},
    event::{
        Topic,
        consumer::{Commit, Consumer, ConsumerConfig, ConsumerState, Delivery, Handler},
        dead_letter::{DeadLetter, DeadLetterFilter},
    },
    layers::retry::DurableSchedule,
    secret::{Secret, SecretPath, StaticSecrets},
};
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::{ServiceExt, service_fn};
use uuid::Uuid;

use super::*;
use crate::{
    config::{AuthConfig, Config, KeyHash, ServerConfig, TelemetryConfig},
    edge::{AdminToken, Edge},
    flow::Settings,
    partners::Partners,
    scheduler::{Gazetteer, Technician},
    store::{
        acknowledgements::{self, Acknowledgement},
        orders,
        tasks::{self, Task},
    },
};

const LETTERS: Topic = Topic::from_static("ops.test");
const GROUP: &str = "ops-test-v1";
const PATIENCE: Duration = Duration::from_secs(20);
/// What no listing may show.
const PLANTED: [&str; 5] = ["Zebulon", "Quackenbush", "77 Plantedlane", "zq@planted.example", "+33699887766"];

/// A server's insides over a temporary store: one order in it, and a group that fails until it is mended.
struct Fixture {
    _folder: tempfile::TempDir,
    ops: Ops,
    mended: Arc<AtomicBool>,
    shutdown: CancellationToken,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Fixture {
    async fn new() -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path(), Arc::new(SystemClock)).await.expect("a store");
        let flow = Flow::new(store.clone(), partners(), settings());
        let (mended, shutdown) = (Arc::new(AtomicBool::new(false)), CancellationToken::new());
        let schedule = DurableSchedule { delays: Vec::new(), ..DurableSchedule::default() };
        let config = ConsumerConfig::new(GROUP, &[LETTERS], schedule.clone());
        let failing = Consumer::new(store.log().clone(), store.clock(), config, handler(Arc::clone(&mended)));
        let consumers = flow.consumers(&schedule).into_iter().take(1).chain([failing]);
        let run = |consumer: Consumer| {
            let handle = consumer.handle();
            tokio::spawn(consumer.run(shutdown.clone()));
            handle
        };
        let handles = consumers.map(run).collect();
        let telemetry = Telemetry::install(&TelemetryConfig::default()).expect("installed");
        let ops = Ops::new(flow, handles, DeadLetters::new(store.log().clone()), telemetry);
        let fixture = Self { _folder: folder, ops, mended, shutdown };
        fixture.order().await;
        fixture
    }

    /// Accepts an order full of personal data, and waits until the flow has made it.
    async fn order(&self) {
        let body = planted_order().to_string().into();
        let id = CorrelationId::new("journey-1").expect("an id");
        self.ops.0.flow.accept(&body, &demo(), id).await.expect("accepted");
        self.until(async || !self.ops.store().read(|db| orders::recent(db, 1)).await.expect("read").is_empty()).await;
    }

    /// Gives the failing group records that carry what they should, and waits for the dead letters.
    async fn letters(&self, count: usize) -> Vec<DeadLetter> {
        self.publish(count).await;
        self.until(async || self.open().await.len() == count).await;
        self.open().await
    }

    async fn publish(&self, count: usize) {
        let topics = [Topic::new("sales.order.intake").expect("a topic")];
        let order = self.ops.store().log().read(topics.into(), 0, 1).await.expect("read").records.remove(0);
        let (log, mut headers) = (self.ops.store().log().clone(), order.headers);
        headers.push("x-customer", "Quackenbush").expect("fits");
        let append = move |tx: &fsm_integration_core::sqlite::Tx<'_>| {
            for index in 0..count {
                log.append_raw(tx, &LETTERS, &format!("key-{index}"), Uuid::now_v7(), &headers, &order.payload)?;
            }
            Ok(())
        };
        self.ops.store().write(append).await.expect("appended");
    }

    async fn open(&self) -> Vec<DeadLetter> {
        let status = Some(fsm_integration_core::event::dead_letter::Status::Open);
        let filter = DeadLetterFilter { status, ..DeadLetterFilter::default() };
        self.ops.0.dead_letters.list(filter).await.expect("a list")
    }

    fn mend(&self) {
        self.mended.store(true, Ordering::SeqCst);
    }

    async fn until(&self, is: impl AsyncFn() -> bool) {
        let wait = async {
            while !is().await {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("in time");
    }

    fn app(&self, token: Option<&str>) -> Router {
        let edge = Edge::new(&ServerConfig::default(), self.ops.store().clock());
        let auth = AuthConfig { admin_token_sha256: token.map(KeyHash::of), ..AuthConfig::default() };
        let admin = edge.guard(AdminToken::new(&auth).protect(admin(self.ops.clone())));
        edge.outer(admin.merge(probes(self.ops.clone())))
    }

    async fn get(&self, path: &str) -> Answer {
        send(self.app(None), Request::get(path).body(Body::empty()).expect("a request")).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        let request = Request::post(path).header("content-type", "application/json").body(body.to_string().into());
        send(self.app(None), request.expect("a request")).await
    }

    /// What the audit trail of a tenant, or of none, says was done to what.
    async fn audit(&self, tenant: &'static str) -> Vec<(String, String)> {
        let list = move |db: &rusqlite::Connection| audit::list(db, tenant, None, None, 1_000);
        let entries = self.ops.store().read(list).await.expect("read").into_iter();
        entries.filter(|entry| entry.user_id == "operator").map(|entry| (entry.action, entry.entity_id)).collect()
    }

    /// Everything else that an operator may see: a task, an acknowledgement, a breaker.
    async fn furnish(&self) {
        self.ops.0.flow.partners().erp(&demo()).await.expect("made").expect("enabled");
        let now = self.ops.store().now();
        let work = move |tx: &fsm_integration_core::sqlite::Tx<'_>| {
            let order = orders::recent(tx, 1)?.remove(0).id;
            let task = Task {
                id: String::new(),
                tenant: "demo".to_owned(),
                order_id: Some(order.to_string()),
                task_type: "NO_SLOTS_AVAILABLE".to_owned(),
                priority: "HIGH".to_owned(),
                reason: "<script>alert('x')</script>".to_owned(),
                created_at: now,
            };
            tasks::insert(tx, Uuid::now_v7(), &task)?;
            let (kind, reference) = ("appointment-scheduled".to_owned(), "msg-1".to_owned());
            acknowledgements::insert(
                tx,
                order,
                &Acknowledgement { kind, reference, partner: "pyxis".to_owned(), at: now },
            )
        };
        self.ops.store().write(work).await.expect("written");
    }
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("JSON")
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// The code of the error body.
    fn code(&self) -> String {
        self.json()["error"]["code"].as_str().expect("an error body").to_owned()
    }
}

async fn send(app: Router, request: Request<Body>) -> Answer {
    let (parts, body) = app.oneshot(request).await.expect("infallible").into_parts();
    let bytes = body.collect().await.expect("a body").to_bytes();
    let text = String::from_utf8(bytes.to_vec()).expect("text");
    Answer { status: parts.status.as_u16(), headers: parts.headers, text }
}

fn demo() -> TenantId {
    TenantId::new("demo").expect("an id")
}

fn handler(mended: Arc<AtomicBool>) -> Handler {
    Handler::new(service_fn(move |_: Delivery| {
        let mended = mended.load(Ordering::SeqCst);
        async move { if mended { Ok(Commit::nothing()) } else { Err(Error::new(ErrorKind::Undecodable, "cannot be read")) } }
    }))
}

fn partners() -> Partners {
    let mut config = Config::default();
    config.erp.enabled = true;
    config.erp.base_url = "http://127.0.0.1:9".to_owned();
    let path = config.erp.api_key_path.replace("{tenant}", "demo");
    let secrets: BTreeMap<_, _> =
        [(SecretPath::new(&path).expect("a path"), Secret::new("user:password".to_owned()))].into();
    Partners::new(config, Box::new(StaticSecrets::from_iter(secrets)), Arc::new(SystemClock))
}

fn settings() -> Settings {
    Settings {
        technicians: Vec::<Technician>::new(),
        horizon_days: 14,
        geocoder: Box::new(Gazetteer::bundled()),
        provider_share: Decimal::ONE,
    }
}

fn planted_order() -> Value {
    let mut order = partner_sim::sales::sample_order();
    order["customer"]["firstName"] = json!(PLANTED[0]);
    order["customer"]["lastName"] = json!(PLANTED[1]);
    order["serviceAddress"]["street"] = json!(PLANTED[2]);
    order["customer"]["email"] = json!(PLANTED[3]);
    order["customer"]["phone"] = json!(PLANTED[4]);
    order
}
