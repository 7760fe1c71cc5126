use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use fsm_integration_core::error::{Error, ErrorKind};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::ApiError;

/// How much a body may hold and how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimits {
    /// Largest body, in bytes.
    pub bytes: usize,
    /// Longest time from the first to the last byte.
    pub timeout: Duration,
}

/// 1 MiB in ten seconds, as the server's defaults.
impl Default for BodyLimits {
    fn default() -> Self {
        Self { bytes: 1024 * 1024, timeout: Duration::from_secs(10) }
    }
}

/// A JSON body as it came: the content type, the size and the time are checked, the text is not.
///
/// Parsing is the adapter's, which knows its limits and its error codes; a signature is checked over these bytes.
///
/// # Errors
/// `UNSUPPORTED_MEDIA_TYPE`, `PAYLOAD_TOO_LARGE`, `TIMEOUT`, and `INVALID_REQUEST` when the body breaks off.
#[derive(Debug, Clone)]
pub struct JsonBytes(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonBytes {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let limits = request.extensions().get::<BodyLimits>().copied().unwrap_or_default();
        check_type(request.headers())?;
        check_announced_length(request.headers(), limits.bytes)?;
        let read = read(request.into_body(), limits.bytes);
        match tokio::time::timeout(limits.timeout, read).await {
            Ok(bytes) => Ok(Self(bytes?)),
            Err(_) => Err(Error::new(ErrorKind::Timeout, "the body did not arrive in time").into()),
        }
    }
}

fn check_type(headers: &HeaderMap) -> Result<(), Error> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let essence = text(header::CONTENT_TYPE).and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Error::new(ErrorKind::UnsupportedMediaType, "send the body as content-type: application/json"));
    }
    match text(header::CONTENT_ENCODING) {
        Some(coding) if !coding.eq_ignore_ascii_case("identity") => {
            Err(Error::new(ErrorKind::UnsupportedMediaType, "send the body without content-encoding"))
        }
        _ => Ok(()),
    }
}

/// Spares the transfer when the length says already that it is too much.
fn check_announced_length(headers: &HeaderMap, limit: usize) -> Result<(), Error> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) { Err(too_large(limit)) } else { Ok(()) }
}

async fn read(body: Body, limit: usize) -> Result<Bytes, Error> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large(limit)),
        Err(error) => Err(Error::new(ErrorKind::MalformedRequest, "the body broke off").with_source(error)),
    }
}

fn too_large(limit: usize) -> Error {
    Error::new(ErrorKind::PayloadTooLarge, format!("the body is larger than {limit} bytes"))
}
