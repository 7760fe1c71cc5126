//! Field jobs: listed, begun and ended.

use axum::{Extension, Json, extract::State};
use fsm_integration_core::{
    adapter::{
        CorrelationId, TenantId,
        fields::{FieldReader, boolean, note, number, object},
    },
    event::catalogue::GpsCoordinates,
};
use serde::Serialize;
use uuid::Uuid;

use super::read::{Asked, Named, actor, limit, read_body, uuid};
use crate::{
    edge::{ApiError, JsonBytes},
    flow::Flow,
    store::{
        jobs::{self, Job},
        wcfs::Wcf,
    },
};

#[derive(Serialize)]
pub(super) struct Jobs {
    jobs: Vec<Job>,
}

/// A job, and the form that closes it once there is one.
#[derive(Serialize)]
pub(super) struct Visit {
    job: Job,
    #[serde(skip_serializing_if = "Option::is_none")]
    wcf: Option<Wcf>,
}

pub(super) async fn list(
    State(flow): State<Flow>,
    Extension(tenant): Extension<TenantId>,
    asked: Asked,
) -> Result<Json<Jobs>, ApiError> {
    let text = |id: Uuid| id.to_string();
    let (order, ticket, limit) = asked.read(|query| {
        (query.optional("orderId", uuid()).map(text), query.optional("ticketId", uuid()).map(text), limit(query))
    })?;
    let list = move |db: &_| jobs::list(db, tenant.as_str(), order.as_deref(), ticket.as_deref(), limit);
    Ok(Json(Jobs { jobs: flow.store().read(list).await? }))
}

pub(super) async fn check_in(
    State(flow): State<Flow>,
    Extension(tenant): Extension<TenantId>,
    Extension(correlation_id): Extension<CorrelationId>,
    Named(id): Named<Uuid>,
    JsonBytes(body): JsonBytes,
) -> Result<Json<Visit>, ApiError> {
    let (gps, _) = read_body(&body, |body| body.required("gps", object(gps)))?;
    let job = flow.check_in(actor(tenant, correlation_id), id, gps).await?;
    Ok(Json(Visit { job, wcf: None }))
}

fn gps(gps: &FieldReader<'_>) -> GpsCoordinates {
    GpsCoordinates { lat: gps.required("lat", number(-90.0..=90.0)), lng: gps.required("lng", number(-180.0..=180.0)) }
}

pub(super) async fn check_out(
    State(flow): State<Flow>,
    Extension(tenant): Extension<TenantId>,
    Extension(correlation_id): Extension<CorrelationId>,
    Named(id): Named<Uuid>,
    JsonBytes(body): JsonBytes,
) -> Result<Json<Visit>, ApiError> {
    let (unfinished, _) = read_body(&body, unfinished)?;
    let (job, wcf) = flow.check_out(actor(tenant, correlation_id), id, unfinished).await?;
    Ok(Json(Visit { job, wcf }))
}

/// Why the work is not done; nothing when it is.
fn unfinished(body: &FieldReader<'_>) -> Option<String> {
    const REASON: &str = "incompletionReason";
    let completed = body.required("completed", boolean());
    let reason = body.optional(REASON, note(2_000));
    if body.is_sound("completed") && completed == reason.is_some() {
        body.error(REASON, "is required when the work is not completed, and only then");
    }
    reason
}
