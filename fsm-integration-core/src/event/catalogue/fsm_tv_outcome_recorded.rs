use serde::{Deserialize, Serialize};

use super::{
    Event, EventMeta, Personal, SourceSystem, TopicSpec, TvOutcome,
    spec::{ANALYTICS, SALES_ANALYTICS, WEEK},
};
use crate::event::Topic;

const TOPIC: Topic = Topic::from_static("fsm.tv.outcome_recorded");

pub(super) const SPEC: TopicSpec = TopicSpec {
    topic: TOPIC,
    schema: include_str!("../../../schemas/fsm.tv.outcome_recorded.avsc"),
    released: &[include_str!("../../../schemas/released/fsm.tv.outcome_recorded.1.avsc")],
    key: "{source_system}_{external_order_id}",
    producers: &["orchestration-service"],
    consumers: &["integration-adapters-fsm-tv-outcomes-v1", SALES_ANALYTICS, ANALYTICS],
    retention: WEEK,
    schema_only: false,
};

/// The outcome of a technical visit was recorded, for the sales system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FsmTvOutcomeRecorded {
    /// The fields that every event has.
    #[serde(flatten)]
    pub meta: EventMeta,
    /// The sales system that the order came from.
    pub source_system: SourceSystem,
    /// The sales system's id of the order.
    pub external_order_id: String,
    /// The outcome.
    pub tv_outcome: TvOutcome,
    /// What has to be priced again, where the outcome is `YES_BUT`.
    pub modifications: Option<Vec<ScopeModification>>,
    /// Why it cannot be done, where the outcome is `NO`.
    pub cancellation_reason: Option<Personal<String>>,
}

impl Event for FsmTvOutcomeRecorded {
    const TOPIC: Topic = TOPIC;

    fn meta(&self) -> &EventMeta {
        &self.meta
    }

    fn key(&self) -> String {
        format!("{}_{}", self.source_system, self.external_order_id)
    }
}

/// Something that changes what was sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeModification {
    /// What changes.
    pub description: String,
    /// Whether the price changes.
    pub requires_repricing: bool,
}
