//! What sales systems tell about their orders, signed.

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use fsm_adapters_sales::wire::SalesSystem;
use fsm_integration_core::{
    adapter::{CorrelationId, TenantId},
    error::{Error, ErrorKind, InvalidSignature},
    layers::webhook::{Verified, WebhookVerifier},
};
use serde::Serialize;

use super::read::Named;
use crate::{
    edge::{ApiError, JsonBytes},
    flow::Flow,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Heard {
    status: &'static str,
    correlation_id: CorrelationId,
}

/// Judges the bytes as they came before anything is read from them (requirement W2).
pub(super) async fn receive(
    State(flow): State<Flow>,
    Extension(tenant): Extension<TenantId>,
    Extension(correlation_id): Extension<CorrelationId>,
    Named(system): Named<String>,
    headers: HeaderMap,
    JsonBytes(body): JsonBytes,
) -> Result<(StatusCode, Json<Heard>), ApiError> {
    let system = SalesSystem::from_partner(&system).ok_or_else(|| Error::from(ErrorKind::NotFound))?;
    let Some(verifier) = flow.partners().sales_verifier(system, &tenant).await? else {
        tracing::warn!(partner = system.partner(), reason = "no_secret", "webhook.refused");
        return Err(Error::from(InvalidSignature::BadSignature).into());
    };
    let message = Message::verify(verifier, &headers, &body)?;
    flow.hear(&body, system, &tenant).await?;
    message.handled();
    Ok((StatusCode::ACCEPTED, Json(Heard { status: "ACCEPTED", correlation_id })))
}

/// A message that was verified; unless it is handled, its redelivery is let in.
///
/// Dropped also by a timeout or a caller that goes away: handling the same message twice does no harm, refusing it
/// for ever would lose it.
struct Message {
    verifier: WebhookVerifier,
    unhandled: Option<Verified>,
}

impl Message {
    fn verify(verifier: WebhookVerifier, headers: &HeaderMap, body: &[u8]) -> Result<Self, InvalidSignature> {
        let verified = verifier.verify(headers, body)?;
        Ok(Self { verifier, unhandled: Some(verified) })
    }

    fn handled(mut self) {
        self.unhandled = None;
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        if let Some(verified) = &self.unhandled {
            self.verifier.forget(verified);
        }
    }
}
