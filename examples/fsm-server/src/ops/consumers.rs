use axum::{
    Extension, Json,
    extract::{Path, State},
};
use fsm_integration_core::{
    adapter::CorrelationId,
    error::{Error, ErrorKind, Result},
    event::consumer::{ConsumerHandle, ConsumerState},
};
use serde::Serialize;

use super::Ops;
use crate::edge::{ApiError, JsonBytes};

/// One consumer group as operators see it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    pub(super) group: String,
    /// `running`, `stopped` or `ended`.
    pub(super) state: &'static str,
    /// Why it stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    pub(super) lag: u64,
    pub(super) topics: Vec<TopicLag>,
}

#[derive(Debug, Serialize)]
pub(super) struct TopicLag {
    pub(super) topic: String,
    pub(super) lag: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Groups {
    consumers: Vec<Group>,
}

pub(super) async fn list(State(ops): State<Ops>) -> Result<Json<Groups>, ApiError> {
    Ok(Json(Groups { consumers: groups(&ops).await? }))
}

/// Lets a stopped group go on; harmless for any other.
pub(super) async fn resume(
    State(ops): State<Ops>,
    Path(name): Path<String>,
    Extension(id): Extension<CorrelationId>,
    _: JsonBytes,
) -> Result<Json<Group>, ApiError> {
    let consumer = ops.0.consumers.iter().find(|consumer| consumer.group() == name);
    let consumer = consumer.ok_or_else(|| Error::new(ErrorKind::NotFound, "no such consumer group"))?;
    ops.note("consumer_group.resumed", ("consumer_group", &name), &id).await?;
    consumer.resume();
    Ok(Json(group(consumer).await?))
}

pub(super) async fn groups(ops: &Ops) -> Result<Vec<Group>> {
    futures_util::future::try_join_all(ops.0.consumers.iter().map(group)).await
}

async fn group(consumer: &ConsumerHandle) -> Result<Group> {
    let (state, reason) = match consumer.state() {
        ConsumerState::Running => ("running", None),
        ConsumerState::Stopped { reason } => ("stopped", Some(reason)),
        ConsumerState::Ended => ("ended", None),
    };
    let topics = consumer.lag_by_topic().await?;
    let topics: Vec<_> =
        topics.into_iter().map(|(topic, lag)| TopicLag { topic: topic.as_str().to_owned(), lag }).collect();
    let lag = topics.iter().map(|topic| topic.lag).sum();
    Ok(Group { group: consumer.group().to_owned(), state, reason, lag, topics })
}
