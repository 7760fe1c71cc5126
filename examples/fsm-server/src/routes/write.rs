//! What handlers write.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use fsm_integration_core::layers::idempotency::REPLAYED;
use serde::Serialize;

use crate::store::once::Made;

/// An answer that says when it is the first one again.
pub(super) fn answer(status: StatusCode, body: impl Serialize, replayed: bool) -> Response {
    let mut response = (status, Json(body)).into_response();
    if replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// The answer to a create: what was made, and where it is found.
pub(super) fn created(made: Made, location: Option<String>) -> Response {
    let mut response = answer(StatusCode::CREATED, made.body, made.replayed);
    if let Some(location) = location.and_then(|text| HeaderValue::try_from(text).ok()) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
