//! The audit trail.

use axum::{Extension, Json, extract::State};
use fsm_integration_core::adapter::{TenantId, fields::id};
use serde::Serialize;

use super::read::{Asked, limit};
use crate::{
    edge::ApiError,
    flow::Flow,
    store::audit::{self, AuditEntry},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuditLogs {
    audit_logs: Vec<AuditEntry>,
}

pub(super) async fn list(
    State(flow): State<Flow>,
    Extension(tenant): Extension<TenantId>,
    asked: Asked,
) -> Result<Json<AuditLogs>, ApiError> {
    let (entity, journey, limit) =
        asked.read(|query| (query.optional("entityId", id()), query.optional("correlationId", id()), limit(query)))?;
    let list = move |db: &_| audit::list(db, tenant.as_str(), entity.as_deref(), journey.as_deref(), limit);
    Ok(Json(AuditLogs { audit_logs: flow.store().read(list).await? }))
}
