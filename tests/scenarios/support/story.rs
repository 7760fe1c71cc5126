use std::{sync::Arc, time::Duration};

use fsm_integration_core::event::{Topic, log::Record};
use partner_sim::{Fault, ledger::OrderRecord};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{TENANT, TestApp};

/// An order that was accepted.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) order_id: String,
    pub(crate) external_id: String,
    pub(crate) correlation_id: String,
}

/// Time enough for a technician on site.
const ON_SITE: Duration = Duration::from_secs(110 * 60);

/// The steps of an order's journey, as people and systems outside take them.
impl TestApp {
    /// A sales system posts an order, which is accepted.
    pub(crate) async fn place(&self, order: &Value) -> Placed {
        let answer = self.caller().post_order(order).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        let text = |name: &str| answer.body[name].as_str().unwrap().to_owned();
        Placed {
            order_id: text("orderId"),
            external_id: text("externalOrderId"),
            correlation_id: text("correlationId"),
        }
    }

    /// An order that is placed, and booked by now.
    pub(crate) async fn scheduled(&self, order: &Value) -> Placed {
        let placed = self.place(order).await;
        self.until_status(&placed, "SCHEDULED").await;
        placed
    }

    /// What the API says of an order; nothing while it is not made yet.
    pub(crate) async fn order(&self, placed: &Placed) -> Option<Value> {
        let answer = self.caller().get(&format!("/api/v2/orders/{}", placed.order_id)).await;
        (answer.status == 200).then_some(answer.body)
    }

    pub(crate) async fn until_status(&self, placed: &Placed, status: &str) -> Value {
        let what = format!("{} to be {status}", placed.external_id);
        let look = async || self.order(placed).await.filter(|order| order["status"] == status);
        self.until(&what, look).await
    }

    /// Waits until the sales system has seen something of an order.
    pub(crate) async fn until_told<T>(
        &self,
        placed: &Placed,
        what: &str,
        look: impl Fn(&OrderRecord) -> Option<T>,
    ) -> T {
        let what = format!("{what} of {}", placed.external_id);
        self.until(&what, async || self.told(&placed.external_id, &look)).await
    }

    /// Looks at what the sales system has seen of an order so far.
    pub(crate) fn told<T>(&self, external_id: &str, look: impl Fn(&OrderRecord) -> Option<T>) -> Option<T> {
        self.sim.with_ledger(|ledger| ledger.order(TENANT, external_id).and_then(look))
    }

    /// Waits until a partner's yes is recorded, and gives its reference.
    pub(crate) async fn until_acknowledged(&self, placed: &Placed, kind: &str) -> String {
        let what = format!("{kind} of {} to be acknowledged", placed.external_id);
        self.until(&what, async || self.acknowledged(placed, kind).await).await
    }

    pub(crate) async fn acknowledged(&self, placed: &Placed, kind: &str) -> Option<String> {
        let order = self.order(placed).await?;
        let entry = order["acknowledgements"].as_array()?.iter().find(|entry| entry["kind"] == kind)?.clone();
        Some(entry["reference"].as_str()?.to_owned())
    }

    /// The sales order is completed; gives the field job that follows.
    pub(crate) async fn complete(&self, placed: &Placed) -> Value {
        let path = format!("/api/v1/sales/orders/{}/complete", placed.order_id);
        self.caller().post(&path, &json!({})).await.ok();
        self.until("the field job", async || self.jobs(placed).await.first().cloned()).await
    }

    pub(crate) async fn jobs(&self, placed: &Placed) -> Vec<Value> {
        self.listed("jobs", &format!("/api/v1/jobs?orderId={}", placed.order_id)).await
    }

    pub(crate) async fn tickets(&self, placed: &Placed) -> Vec<Value> {
        self.listed("tickets", &format!("/api/v1/ticketing/tickets?orderId={}", placed.order_id)).await
    }

    /// The audit trail of a journey, newest first.
    pub(crate) async fn audit(&self, correlation_id: &str) -> Vec<Value> {
        self.listed("auditLogs", &format!("/api/v1/audit-logs?correlationId={correlation_id}")).await
    }

    pub(crate) async fn listed(&self, name: &str, path: &str) -> Vec<Value> {
        let body = self.caller().get(path).await.ok();
        body[name].as_array().unwrap_or_else(|| panic!("{path} lists no {name}: {body}")).clone()
    }

    pub(crate) async fn check_in(&self, job: &Value) {
        let gps = json!({"gps": {"lat": 37.789, "lng": -122.394}});
        self.caller().post(&format!("/api/v1/jobs/{}/check-in", text(job, "id")), &gps).await.ok();
    }

    /// The technician leaves with the work done; gives the closing form.
    pub(crate) async fn check_out(&self, job: &Value) -> Value {
        let path = format!("/api/v1/jobs/{}/check-out", text(job, "id"));
        let left = self.caller().post(&path, &json!({"completed": true})).await.ok();
        left["wcf"].clone()
    }

    pub(crate) async fn sign(&self, form: &Value, reserves: &Value) {
        let answer = json!({"accepted": true, "reserves": reserves});
        self.caller().post(&format!("/api/v1/wcfs/{}/sign", text(form, "id")), &answer).await.ok();
    }

    /// From the sales system's completion to the technician's leaving; gives the closing form.
    pub(crate) async fn work(&self, placed: &Placed) -> Value {
        let job = self.complete(placed).await;
        self.check_in(&job).await;
        self.pass(ON_SITE);
        self.check_out(&job).await
    }

    /// An order that is placed, done and signed without reserves.
    pub(crate) async fn done(&self, order: &Value) -> Placed {
        let placed = self.scheduled(order).await;
        let form = self.work(&placed).await;
        self.sign(&form, &json!([])).await;
        placed
    }

    /// The types of the operator tasks about an order.
    pub(crate) async fn tasks(&self, placed: &Placed) -> Vec<String> {
        let body = self.operator().get("/admin/tasks?limit=200").await.ok();
        let tasks = body["tasks"].as_array().unwrap().iter().filter(|task| task["orderId"] == *placed.order_id);
        tasks.map(|task| text(task, "taskType").to_owned()).collect()
    }

    /// The records of a topic that are about a journey.
    pub(crate) async fn records(&self, topic: &str, placed: &Placed) -> Vec<Arc<Record>> {
        let topics: Arc<[Topic]> = [Topic::new(topic).unwrap()].into();
        let records = self.server().store().log().read(topics, 0, 10_000).await.unwrap().records;
        let of_journey = |record: &Record| record.headers.text("correlation-id") == Some(&*placed.correlation_id);
        records.into_iter().filter(of_journey).map(Arc::new).collect()
    }

    /// Publishes a record again: the bus delivers at least once, under the same id or a producer's new one.
    pub(crate) async fn redeliver(&self, record: &Arc<Record>, event_id: Uuid) {
        let (store, record) = (self.server().store().clone(), Arc::clone(record));
        let log = store.log().clone();
        store
            .write(move |tx| log.append_raw(tx, &record.topic, &record.key, event_id, &record.headers, &record.payload))
            .await
            .unwrap();
    }

    /// Waits until every group has handled all there is.
    pub(crate) async fn until_idle(&self) {
        self.until("every group to be idle", async || {
            for group in self.server().consumers() {
                if group.lag().await.unwrap() > 0 {
                    return None;
                }
            }
            Some(())
        })
        .await;
    }

    /// The dead letters that wait for an operator.
    pub(crate) async fn dead_letters(&self) -> Vec<Value> {
        let body = self.operator().get("/admin/dead-letters?status=open").await.ok();
        body["deadLetters"].as_array().unwrap().clone()
    }

    /// How often the planned misbehaviour has struck so far.
    pub(crate) fn struck(&self) -> u32 {
        self.sim.faults().iter().map(|report| report.fired).sum()
    }

    pub(crate) fn inject(&self, fault: Fault) {
        self.sim.inject(fault);
    }
}

pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}
