//! Work closing forms: shown, signed, and what the customer held against the work resolved.

use std::collections::HashSet;

use axum::{Extension, Json, extract::State};
use fsm_integration_core::{
    adapter::{
        CorrelationId, TenantId,
        fields::{FieldReader, boolean, id, list, object, one_of},
    },
    event::catalogue::{Reserve, ReserveSeverity},
};
use uuid::Uuid;

use super::read::{Named, NoBody, actor, read_body};
use crate::{
    edge::{ApiError, JsonBytes},
    flow::Flow,
    store::wcfs::{self, Wcf},
};

const SEVERITIES: &[(&str, ReserveSeverity)] =
    &[("MINOR", ReserveSeverity::Minor), ("MAJOR", ReserveSeverity::Major), ("BLOCKING", ReserveSeverity::Blocking)];

pub(super) async fn show(
    State(flow): State<Flow>,
    Extension(tenant): Extension<TenantId>,
    Named(id): Named<Uuid>,
) -> Result<Json<Wcf>, ApiError> {
    Ok(Json(flow.store().read(move |db| wcfs::get(db, tenant.as_str(), id)).await?))
}

pub(super) async fn sign(
    State(flow): State<Flow>,
    Extension(tenant): Extension<TenantId>,
    Extension(correlation_id): Extension<CorrelationId>,
    Named(id): Named<Uuid>,
    JsonBytes(body): JsonBytes,
) -> Result<Json<Wcf>, ApiError> {
    let ((accepted, reserves), _) = read_body(&body, answer)?;
    Ok(Json(flow.sign(actor(tenant, correlation_id), id, accepted, reserves).await?))
}

/// What the customer says: whether the work is accepted, and under which reserves.
fn answer(body: &FieldReader<'_>) -> (bool, Vec<Reserve>) {
    let accepted = body.required("accepted", boolean());
    let reserves = body.or_default("reserves", list(0..=100, object(reserve)));
    let mut ids = HashSet::new();
    for (index, reserve) in reserves.iter().enumerate() {
        let field = format!("reserves[{index}].reserveId");
        if body.is_sound(&field) && !ids.insert(&reserve.reserve_id) {
            body.error(&field, "is there twice");
        }
    }
    (accepted, reserves)
}

fn reserve(reserve: &FieldReader<'_>) -> Reserve {
    Reserve {
        reserve_id: reserve.required("reserveId", id()),
        severity: reserve.required("severity", one_of(SEVERITIES)),
        resolved: reserve.required("resolved", boolean()),
    }
}

pub(super) async fn resolve(
    State(flow): State<Flow>,
    Extension(tenant): Extension<TenantId>,
    Extension(correlation_id): Extension<CorrelationId>,
    Named((id, reserve_id)): Named<(Uuid, String)>,
    _: NoBody,
) -> Result<Json<Wcf>, ApiError> {
    Ok(Json(flow.resolve_reserve(actor(tenant, correlation_id), id, reserve_id).await?))
}
