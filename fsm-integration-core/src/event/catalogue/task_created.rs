use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Event, EventMeta, Personal, TopicSpec,
    spec::{ANALYTICS, COMMUNICATION, MONTH},
    wire,
};
use crate::event::Topic;

const TOPIC: Topic = Topic::from_static("projects.task.created");

pub(super) const SPEC: TopicSpec = TopicSpec {
    topic: TOPIC,
    schema: include_str!("../../../schemas/projects.task.created.avsc"),
    released: &[include_str!("../../../schemas/released/projects.task.created.1.avsc")],
    key: "{country_code}_{task_id}",
    producers: &["orchestration-service", "assignment-service"],
    consumers: &[COMMUNICATION, ANALYTICS],
    retention: MONTH,
    schema_only: false,
};

/// A task for an operator was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskCreated {
    /// The fields that every event has.
    #[serde(flatten)]
    pub meta: EventMeta,
    /// The task.
    #[serde(with = "wire::uuid")]
    pub task_id: Uuid,
    /// What kind of task it is.
    pub task_type: String,
    /// The service order that it is about.
    #[serde(with = "wire::uuid::option")]
    pub service_order_id: Option<Uuid>,
    /// ISO 3166-1 alpha-2; `ZZ` where it is not known.
    pub country_code: String,
    /// How urgent it is.
    pub priority: String,
    /// Who has to do it.
    pub assigned_to: Option<String>,
    /// What the operator has to know.
    pub reason: Option<Personal<String>>,
}

impl Event for TaskCreated {
    const TOPIC: Topic = TOPIC;

    fn meta(&self) -> &EventMeta {
        &self.meta
    }

    fn key(&self) -> String {
        format!("{}_{}", self.country_code, self.task_id)
    }
}
