use axum::{
    Extension, Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use fsm_integration_core::{
    adapter::CorrelationId,
    error::{Error, ErrorKind, Result},
    event::{
        dead_letter::{DeadLetter, DeadLetterFilter, DeadLetterGroup, ReplayPlan},
        header,
        log::Record,
    },
    sqlite::Tx,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    MOST, Ops, USUAL, body,
    selection::{Done, Selection},
};
use crate::{
    edge::{ApiError, JsonBytes},
    store::audit,
};

/// The headers whose values are ours and say nothing about a person.
const IMPERSONAL: [&str; 9] = [
    header::EVENT_ID,
    header::EVENT_TYPE,
    header::CORRELATION_ID,
    header::TENANT_ID,
    header::CAUSATION_ID,
    header::OCCURRED_AT,
    header::SOURCE,
    header::IDEMPOTENCY_KEY,
    header::TRACEPARENT,
];

/// Some of the dead letters, newest first, and all of the open ones by cause.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listing {
    dead_letters: Vec<DeadLetter>,
    summary: Vec<DeadLetterGroup>,
}

/// One dead letter and its original record.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    dead_letter: DeadLetter,
    topic: String,
    key: String,
    appended_at: Timestamp,
    headers: Vec<ShownHeader>,
    payload_bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Value>,
    /// Why the payload cannot be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_error: Option<String>,
}

#[derive(Debug, Serialize)]
struct ShownHeader {
    name: String,
    /// Absent where it may be personal.
    value: Option<String>,
}

/// Whether the payload is asked for.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Look {
    #[serde(default)]
    payload: bool,
}

pub(super) async fn list(
    State(ops): State<Ops>,
    filter: Result<Query<DeadLetterFilter>, QueryRejection>,
) -> Result<Json<Listing>, ApiError> {
    let mut filter = body::query(filter)?;
    filter.limit = Some(filter.limit.unwrap_or(USUAL).min(MOST));
    let letters = &ops.0.dead_letters;
    Ok(Json(Listing { dead_letters: letters.list(filter).await?, summary: letters.summary().await? }))
}

pub(super) async fn show(
    State(ops): State<Ops>,
    Path(id): Path<String>,
    look: Result<Query<Look>, QueryRejection>,
    Extension(correlation_id): Extension<CorrelationId>,
) -> Result<Json<Shown>, ApiError> {
    let look = body::query(look)?;
    let (letter, record) = ops.0.dead_letters.show(&id).await?;
    let mut shown = shown(letter, &record);
    if look.payload {
        note_access(&ops, &shown.dead_letter, correlation_id).await?;
        match ops.store().codec().to_json(&record.payload) {
            Ok(payload) => shown.payload = Some(payload),
            Err(error) => shown.payload_error = Some(error.to_string()),
        }
    }
    Ok(Json(shown))
}

fn shown(dead_letter: DeadLetter, record: &Record) -> Shown {
    let header = |(name, value): (&str, &bytes::Bytes)| ShownHeader {
        name: name.to_owned(),
        value: IMPERSONAL.contains(&name).then(|| String::from_utf8_lossy(value).into_owned()),
    };
    Shown {
        dead_letter,
        topic: record.topic.as_str().to_owned(),
        key: record.key.to_string(),
        appended_at: record.appended_at,
        headers: record.headers.iter().map(header).collect(),
        payload_bytes: record.payload.len(),
        payload: None,
        payload_error: None,
    }
}

/// On the trail before the payload is out.
async fn note_access(ops: &Ops, letter: &DeadLetter, id: CorrelationId) -> Result<()> {
    let (letter, now) = (letter.clone(), ops.store().now());
    tracing::warn!(dead_letter.id = letter.id, correlation_id = %id, "an operator read a payload");
    ops.store().write(move |tx| note(tx, &letter, "dead_letter.payload_read", &id, now)).await
}

pub(super) async fn replay(
    State(ops): State<Ops>,
    Extension(id): Extension<CorrelationId>,
    JsonBytes(body): JsonBytes,
) -> Result<Json<Done>, ApiError> {
    Ok(Json(hand_back(&ops, body::read(&body)?, id).await?))
}

pub(super) async fn replay_one(
    State(ops): State<Ops>,
    Path(letter): Path<String>,
    Extension(id): Extension<CorrelationId>,
    JsonBytes(body): JsonBytes,
) -> Result<Json<Done>, ApiError> {
    let selection = body::read::<Selection>(&body)?.only(letter);
    Ok(Json(hand_back(&ops, selection, id).await?))
}

pub(super) async fn discard(
    State(ops): State<Ops>,
    Extension(id): Extension<CorrelationId>,
    JsonBytes(body): JsonBytes,
) -> Result<Json<Done>, ApiError> {
    Ok(Json(close(&ops, body::read(&body)?, id).await?))
}

pub(super) async fn discard_one(
    State(ops): State<Ops>,
    Path(letter): Path<String>,
    Extension(id): Extension<CorrelationId>,
    JsonBytes(body): JsonBytes,
) -> Result<Json<Done>, ApiError> {
    let selection = body::read::<Selection>(&body)?.only(letter);
    Ok(Json(close(&ops, selection, id).await?))
}

/// Replays the selection at its rate; every one of them, or on an error none.
async fn hand_back(ops: &Ops, selection: Selection, id: CorrelationId) -> Result<Done> {
    let letters = ops.0.dead_letters.clone();
    let found = selection.find(&letters).await?;
    let done = Done::new(&found, &selection);
    if selection.dry_run {
        return Ok(done);
    }
    let now = ops.store().now();
    tracing::warn!(count = done.count, correlation_id = %id, "an operator replays dead letters");
    let work = move |tx: &Tx<'_>| {
        for (index, letter) in found.iter().enumerate() {
            let filter = DeadLetterFilter { id: Some(letter.id.clone()), ..DeadLetterFilter::default() };
            let wait = selection.rate.map_or(0, |rate| index as i64 * 1_000 / i64::from(rate.get()));
            let due = now.saturating_add(SignedDuration::from_millis(wait)).unwrap_or(Timestamp::MAX);
            let replayed = letters.replay_in(tx, &ReplayPlan { filter, ..ReplayPlan::default() }, due)?;
            if replayed.ids.is_empty() {
                let message = "somebody decided about one of them in the meantime; look again";
                return Err(Error::new(ErrorKind::NotFound, message));
            }
            note(tx, letter, "dead_letter.replayed", &id, now)?;
        }
        Ok(())
    };
    ops.store().write(work).await?;
    Ok(done)
}

/// Discards the selection; every one of them, or on an error none.
async fn close(ops: &Ops, selection: Selection, id: CorrelationId) -> Result<Done> {
    let why = selection.note()?;
    let letters = ops.0.dead_letters.clone();
    let found = selection.find(&letters).await?;
    let done = Done::new(&found, &selection);
    if selection.dry_run {
        return Ok(done);
    }
    let now = ops.store().now();
    tracing::warn!(count = done.count, correlation_id = %id, "an operator discards dead letters");
    let work = move |tx: &Tx<'_>| {
        for letter in &found {
            letters.discard_in(tx, &letter.id, &why)?;
            note(tx, letter, "dead_letter.discarded", &id, now)?;
        }
        Ok(())
    };
    ops.store().write(work).await?;
    Ok(done)
}

fn note(tx: &Tx<'_>, letter: &DeadLetter, action: &str, id: &CorrelationId, now: Timestamp) -> Result<()> {
    audit::by_operator(tx, letter.tenant.as_deref(), action, ("dead_letter", &letter.id), id, now)
}
