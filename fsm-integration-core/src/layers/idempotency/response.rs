use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The header that marks a stored answer (requirement I5); its value is `true`.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The headers that belong to the outcome; all others belong to the one exchange.
const KEPT_HEADERS: [HeaderName; 4] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG, header::CONTENT_LANGUAGE];

/// An HTTP answer as it is kept for repetitions: status, the headers that matter, body. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers that belong to the outcome.
    pub headers: Arc<HeaderMap>,
    /// The body.
    pub body: Bytes,
}

impl StoredResponse {
    /// Keeps what belongs to the outcome: type, location, entity tag and language among the headers.
    #[must_use]
    pub fn of(response: &http::Response<Bytes>) -> Self {
        let kept = KEPT_HEADERS.into_iter().filter_map(|name| {
            let value = response.headers().get(&name)?.clone();
            Some((name, value))
        });
        Self { status: response.status(), headers: Arc::new(kept.collect()), body: response.body().clone() }
    }

    /// Whether a repetition shall get it (requirement I6): 2xx, and what the business refused for good.
    ///
    /// Not kept: 5xx and 408, 425, 429, which may pass next time; 400, 413, 415 and 422, which tell of a request
    /// that nobody worked on; 401, 403 and 409, which depend on more than the request.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self.status.as_u16() {
            200..=299 => true,
            400 | 401 | 403 | 408 | 409 | 413 | 415 | 422 | 425 | 429 => false,
            status => (400..500).contains(&status),
        }
    }

    /// The answer to a repetition, marked as such.
    #[must_use]
    pub fn into_replay(self) -> http::Response<Bytes> {
        let mut response = http::Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = Arc::unwrap_or_clone(self.headers);
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        response
    }
}

/// Shows status and size only: a body may hold personal data.
impl fmt::Debug for StoredResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredResponse").field("status", &self.status).field("bytes", &self.body.len()).finish()
    }
}

/// The form in a store.
#[derive(Serialize, Deserialize)]
struct Wire {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Serialize for StoredResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let headers = self.headers.iter().filter_map(|(name, value)| {
            let value = value.to_str().ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        });
        let wire = Wire { status: self.status.as_u16(), headers: headers.collect(), body: STANDARD.encode(&self.body) };
        wire.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StoredResponse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let status = StatusCode::from_u16(wire.status).map_err(D::Error::custom)?;
        let mut headers = HeaderMap::with_capacity(wire.headers.len());
        for (name, value) in wire.headers {
            let name = HeaderName::try_from(name).map_err(D::Error::custom)?;
            headers.append(name, HeaderValue::try_from(value).map_err(D::Error::custom)?);
        }
        let body = STANDARD.decode(wire.body).map_err(D::Error::custom)?.into();
        Ok(Self { status, headers: Arc::new(headers), body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16) -> http::Response<Bytes> {
        http::Response::builder()
            .status(status)
            .header("content-type", "application/json")
            .header("x-correlation-id", "of this exchange only")
            .body(Bytes::from_static(b"{\"n\":1}\xff"))
            .expect("a response")
    }

    #[test]
    fn i6_only_final_outcomes_are_kept() {
        for status in [200, 201, 202, 204, 402, 404, 410, 412] {
            assert!(StoredResponse::of(&response(status)).is_final(), "{status}");
        }
        for status in [302, 400, 401, 403, 408, 409, 422, 425, 429, 500, 502, 503, 504] {
            assert!(!StoredResponse::of(&response(status)).is_final(), "{status}");
        }
    }

    #[test]
    fn f_i13_a_replay_has_status_type_and_body_and_is_marked() {
        let stored = StoredResponse::of(&response(202));
        let text = serde_json::to_string(&stored).expect("serialises");
        let read: StoredResponse = serde_json::from_str(&text).expect("reads back");
        assert_eq!(read, stored);
        let replay = read.into_replay();
        assert_eq!(replay.status(), 202);
        assert_eq!(replay.headers()["content-type"], "application/json");
        assert_eq!(replay.headers()["idempotency-replayed"], "true");
        assert!(!replay.headers().contains_key("x-correlation-id"));
        assert_eq!(&replay.body()[..], b"{\"n\":1}\xff");
    }
}
