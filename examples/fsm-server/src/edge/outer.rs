use std::{error::Error as _, panic::AssertUnwindSafe};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, Method},
    middleware::Next,
    response::{IntoResponse, Response},
};
use fsm_integration_core::{
    adapter::CorrelationId,
    clock::{Clock, SystemClock},
    error::{Error, ErrorKind},
    observe::metrics::{HTTP_SERVER_REQUEST_DURATION, histogram},
};
use futures_util::FutureExt;
use tracing::Instrument;

use super::{
    ApiError, CORRELATION_ID, Edge,
    render::{Asked, explained, prefers_problem},
};

/// Gives the request its correlation id and span, and the answer the id and, where it failed, the error body.
pub(super) async fn outer(State(edge): State<Edge>, mut request: Request, next: Next) -> Response {
    let asked = Asked {
        correlation_id: correlation_id(request.headers()),
        problem: prefers_problem(request.headers()),
        head: request.method() == Method::HEAD,
    };
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let method = known(request.method());
    let began = SystemClock.now();
    let span = tracing::info_span!(
        "http.request",
        correlation_id = %asked.correlation_id,
        http.method = method,
        http.route = route,
    );
    request.extensions_mut().insert(asked.correlation_id.clone());
    request.extensions_mut().insert(edge.body);
    let answer = without_panic(next.run(request)).instrument(span.clone()).await;
    let mut answer = span.in_scope(|| {
        log_failure(&answer);
        explained(answer, &asked, edge.clock.timestamp())
    });
    let id = HeaderValue::from_str(asked.correlation_id.as_str()).expect("a correlation id is printable ASCII");
    answer.headers_mut().insert(CORRELATION_ID, id);
    let key = HTTP_SERVER_REQUEST_DURATION.key([method, route, answer.status().as_str()]);
    histogram(&key).record(SystemClock.now().saturating_duration_since(began));
    answer
}

/// Callers may invent methods; labels must not grow with them.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// The caller's, when it is safe to pass on; a new one otherwise.
fn correlation_id(headers: &HeaderMap) -> CorrelationId {
    let sent = headers.get(CORRELATION_ID).and_then(|value| value.to_str().ok());
    sent.and_then(|text| CorrelationId::new(text).ok()).unwrap_or_else(CorrelationId::random)
}

/// The answer, or what stands for it after a panic.
///
/// The message of a panic may hold anything; the panic hook has written it where it belongs.
pub(super) async fn without_panic(answer: impl Future<Output = Response>) -> Response {
    let answer = AssertUnwindSafe(answer).catch_unwind().await;
    answer.unwrap_or_else(|_| ApiError::from(Error::new(ErrorKind::Internal, "a handler panicked")).into_response())
}

/// Failures of ours are logged here and nowhere else; the caller's own are not failures of ours.
fn log_failure(answer: &Response) {
    if !answer.status().is_server_error() {
        return;
    }
    let Some(error) = answer.extensions().get::<ApiError>().map(ApiError::error) else {
        return tracing::error!(http.status = answer.status().as_u16(), "request failed");
    };
    let causes: Vec<_> =
        std::iter::successors(error.source(), |&cause| cause.source()).map(ToString::to_string).collect();
    tracing::error!(
        http.status = answer.status().as_u16(),
        error.kind = error.kind().label(),
        error.message = error.message(),
        error.causes = causes.join(": "),
        "request failed"
    );
}
