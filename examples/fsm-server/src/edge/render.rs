use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use fsm_integration_core::{adapter::CorrelationId, error::FieldErrors};
use jiff::Timestamp;
use serde::Serialize;

use super::{ApiError, KeepBody};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// What the error body takes from the request.
pub(super) struct Asked {
    pub(super) correlation_id: CorrelationId,
    /// The caller would rather have RFC 9457.
    pub(super) problem: bool,
    /// A HEAD request: headers only.
    pub(super) head: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorBody<'a> {
    error: Inner<'a>,
    correlation_id: &'a CorrelationId,
    timestamp: Timestamp,
}

#[derive(Serialize)]
struct Inner<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "FieldErrors::is_empty")]
    details: &'a FieldErrors,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Problem<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "FieldErrors::is_empty")]
    errors: &'a FieldErrors,
    correlation_id: &'a CorrelationId,
    timestamp: Timestamp,
}

/// Gives every answer of 400 and above the error body; whatever stood there is dropped, its headers stay.
pub(super) fn explained(response: Response, asked: &Asked, now: Timestamp) -> Response {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || response.extensions().get::<KeepBody>().is_some() {
        return response;
    }
    let (mut parts, _) = response.into_parts();
    let error = match parts.extensions.remove::<ApiError>() {
        Some(error) => error,
        None => {
            let error = ApiError::of_status(status);
            // 408 is a timeout like any other; every other foreign status is kept.
            if status == StatusCode::REQUEST_TIMEOUT {
                parts.status = error.status();
            }
            error
        }
    };
    if let Some(seconds) = error.retry_after() {
        parts.headers.entry(header::RETRY_AFTER).or_insert_with(|| seconds.into());
    }
    let body = body(&error, parts.status, asked, now);
    parts.headers.remove(header::TRANSFER_ENCODING);
    parts.headers.insert(header::CONTENT_TYPE, if asked.problem { PROBLEM } else { JSON });
    parts.headers.insert(header::CONTENT_LENGTH, body.len().into());
    Response::from_parts(parts, if asked.head { Body::empty() } else { Body::from(body) })
}

fn body(error: &ApiError, status: StatusCode, asked: &Asked, timestamp: Timestamp) -> Bytes {
    let kind = error.error().kind();
    let (code, message, correlation_id) = (kind.code(), error.message(), &asked.correlation_id);
    let none = FieldErrors::default();
    let details = if status.is_client_error() { error.error().details() } else { &none };
    let bytes = if asked.problem {
        let title = status.canonical_reason().unwrap_or(code);
        serde_json::to_vec(&Problem {
            r#type: "about:blank",
            title,
            status: status.as_u16(),
            detail: message,
            code,
            errors: details,
            correlation_id,
            timestamp,
        })
    } else {
        serde_json::to_vec(&ErrorBody { error: Inner { code, message, details }, correlation_id, timestamp })
    };
    bytes.expect("strings, numbers and lists are JSON").into()
}

/// Whether the caller prefers `application/problem+json` to `application/json`; named is preferred, ties go to it.
pub(super) fn prefers_problem(headers: &HeaderMap) -> bool {
    let (mut problem, mut json) = (0.0, 0.0);
    for entry in
        headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','))
    {
        let mut parts = entry.split(';').map(str::trim);
        let weight = match parts.next() {
            Some(range) if range.eq_ignore_ascii_case("application/problem+json") => &mut problem,
            Some(range) if range.eq_ignore_ascii_case("application/json") => &mut json,
            _ => continue,
        };
        let q = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        *weight = q.map_or(1.0, |q| q.trim().parse().unwrap_or(0.0_f32));
    }
    problem > 0.0 && problem >= json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_decides_by_weight() {
        let prefers =
            |accept: &str| prefers_problem(&HeaderMap::from_iter([(header::ACCEPT, accept.parse().expect("a value"))]));
        for accept in
            ["application/problem+json", "application/json;q=0.5, application/problem+json", "Application/Problem+JSON"]
        {
            assert!(prefers(accept), "{accept}");
        }
        for accept in [
            "*/*",
            "application/json",
            "application/problem+json;q=0",
            "application/json, application/problem+json;q=0.9",
            "x;q=nonsense",
            "",
        ] {
            assert!(!prefers(accept), "{accept}");
        }
    }
}
