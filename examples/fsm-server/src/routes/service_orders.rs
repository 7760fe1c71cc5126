//! How technical visits end.

use axum::{Extension, Json, extract::State, http::StatusCode};
use fsm_integration_core::{
    adapter::{
        TenantId,
        fields::{FieldReader, integer, list, note, object, one_of},
    },
    event::catalogue::{Modification, TvOutcome},
};
use serde::Serialize;
use uuid::Uuid;

use super::read::{Named, read_body};
use crate::{
    edge::{ApiError, JsonBytes},
    flow::Flow,
};

const OUTCOMES: &[(&str, TvOutcome)] =
    &[("YES", TvOutcome::Yes), ("YES_BUT", TvOutcome::YesBut), ("NO", TvOutcome::No)];
/// The longest that a modification may add: a week, in minutes.
const LONGEST_EXTRA: i64 = 7 * 24 * 60;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Recorded {
    service_order_id: Uuid,
    outcome: TvOutcome,
}

pub(super) async fn tv_outcome(
    State(flow): State<Flow>,
    Extension(tenant): Extension<TenantId>,
    Named(id): Named<Uuid>,
    JsonBytes(body): JsonBytes,
) -> Result<(StatusCode, Json<Recorded>), ApiError> {
    let ((outcome, modifications), _) = read_body(&body, ending)?;
    flow.record_visit(&tenant, id, outcome, modifications).await?;
    Ok((StatusCode::ACCEPTED, Json(Recorded { service_order_id: id, outcome })))
}

fn ending(body: &FieldReader<'_>) -> (TvOutcome, Vec<Modification>) {
    const MODIFICATIONS: &str = "modifications";
    let outcome = body.required("outcome", one_of(OUTCOMES));
    let modifications = body.or_default(MODIFICATIONS, list(0..=50, object(modification)));
    let sound = body.is_sound("outcome") && body.is_sound(MODIFICATIONS);
    if sound && outcome == TvOutcome::YesBut && modifications.is_empty() {
        body.error(MODIFICATIONS, "are required when the outcome is YES_BUT");
    }
    (outcome, modifications)
}

fn modification(modification: &FieldReader<'_>) -> Modification {
    let extra = modification.optional("extraDurationMin", integer(0..=LONGEST_EXTRA));
    Modification {
        description: modification.required("description", note(2_000)),
        extra_duration_min: extra.map(|minutes| i32::try_from(minutes).expect("the bounds fit")),
    }
}
