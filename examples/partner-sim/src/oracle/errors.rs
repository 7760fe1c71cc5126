//! Oracle's error bodies: a problem document, plain text, or whatever the proxy before it says.

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::framework_version;
use crate::world::World;

/// The form of Oracle's error bodies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorMode {
    /// A problem document for framework 4 or by `Accept`, plain text otherwise: what the real one does.
    #[default]
    ByRequest,
    /// Always a problem document.
    Problem,
    /// Always plain text.
    Text,
    /// Always a page of HTML.
    Html,
}

pub(super) struct Problem {
    status: StatusCode,
    detail: String,
    path: Option<&'static str>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), path: None }
    }

    pub(super) fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(super) fn at(self, path: &'static str) -> Self {
        Self { path: Some(path), ..self }
    }

    pub(super) fn answer(&self, world: &World, headers: &HeaderMap) -> Response {
        match *world.oracle_errors.lock() {
            ErrorMode::ByRequest if wants_problem(headers) => self.problem(),
            ErrorMode::Problem => self.problem(),
            ErrorMode::ByRequest | ErrorMode::Text => (self.status, self.detail.clone()).into_response(),
            ErrorMode::Html => {
                let page = format!("<html><body><h1>{}</h1><p>{}</p></body></html>", self.status, self.detail);
                (self.status, Html(page)).into_response()
            }
        }
    }

    fn problem(&self) -> Response {
        let detail =
            json!({"detail": self.detail, "o:errorCode": self.status.as_u16().to_string(), "o:errorPath": self.path});
        let title = self.status.canonical_reason().unwrap_or("Error");
        let body = json!({"title": title, "status": self.status.as_u16().to_string(), "o:errorDetails": [detail]});
        (self.status, [(header::CONTENT_TYPE, ERROR_TYPE)], body.to_string()).into_response()
    }
}

const ERROR_TYPE: &str = "application/vnd.oracle.adf.error+json";

fn wants_problem(headers: &HeaderMap) -> bool {
    let accepts = |value: &http::HeaderValue| value.to_str().is_ok_and(|text| text.contains(ERROR_TYPE));
    framework_version(headers) >= 4 || headers.get_all(header::ACCEPT).iter().any(accepts)
}
