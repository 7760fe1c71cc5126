use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use fsm_integration_core::error::{BulkheadFull, TimedOut};

use super::{ApiError, Edge};

/// Lets as many requests in as the server can bear, each for as long as an answer may take.
pub(super) async fn guard(State(edge): State<Edge>, request: Request, next: Next) -> Result<Response, ApiError> {
    // Held until the answer is there or the caller has gone.
    let _permit = Arc::clone(&edge.slots).try_acquire_owned().map_err(|_| BulkheadFull { limit: 0 })?;
    let after = edge.request_timeout;
    Ok(tokio::time::timeout(after, next.run(request)).await.map_err(|_| TimedOut { after })?)
}
