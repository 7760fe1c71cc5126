//! The middleware before every partner route.

use axum::{
    Json,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{FaultKind, RetryAfter};
use crate::{connection::Cut, world::Shared};

/// More than any body that we send (1 MiB), so that a partner never is the narrow place.
const BODY_LIMIT: usize = 8 << 20;

pub(crate) async fn apply(
    State(world): State<Shared>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let fault = world.faults.take(&parts.method, parts.uri.path(), &body);
    let process = || next.run(Request::from_parts(parts, Body::from(body)));
    match fault {
        None => process().await,
        Some(FaultKind::Status { status, retry_after }) => refuse(status, retry_after, world.now()),
        Some(FaultKind::LostAnswer) => {
            let answer = process().await;
            cut.cut();
            answer
        }
        Some(FaultKind::HangUp) => {
            cut.cut();
            StatusCode::NO_CONTENT.into_response()
        }
        Some(FaultKind::Slow { delay }) => {
            let answer = process().await;
            tokio::time::sleep(delay).await;
            answer
        }
        Some(FaultKind::TruncatedJson) => truncate(process().await).await,
        Some(FaultKind::Html { status }) => (code(status), Html(PROXY_PAGE)).into_response(),
        Some(FaultKind::ErrorBody) => error_body(world.now()),
    }
}

const PROXY_PAGE: &str = "<!DOCTYPE html><html><head><title>Error</title></head>\
    <body><h1>The proxy server received an invalid response from an upstream server</h1></body></html>";

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn refuse(status: u16, retry_after: Option<RetryAfter>, now: Timestamp) -> Response {
    let mut answer = (code(status), Json(json!({"error": "injected fault", "status": status}))).into_response();
    if let Some(value) = retry_after.and_then(|hint| retry_after_value(hint, now)) {
        answer.headers_mut().insert(header::RETRY_AFTER, value);
    }
    answer
}

fn retry_after_value(hint: RetryAfter, now: Timestamp) -> Option<HeaderValue> {
    let text = match hint {
        RetryAfter::Seconds(seconds) => seconds.to_string(),
        RetryAfter::DateIn(seconds) => {
            let ahead = SignedDuration::from_secs(i64::try_from(seconds).ok()?);
            let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
            printer.timestamp_to_rfc9110_string(&now.checked_add(ahead).ok()?).ok()?
        }
    };
    HeaderValue::from_str(&text).ok()
}

/// The length is right and the JSON is not: the case that only a parser notices.
async fn truncate(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body.slice(..body.len() / 2)))
}

fn error_body(now: Timestamp) -> Response {
    let error = json!({"code": "INTERNAL_ERROR", "message": "injected fault"});
    Json(json!({"success": false, "data": null, "error": error, "timestamp": now.to_string()})).into_response()
}
