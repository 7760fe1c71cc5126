use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{Outcome, Replayable, is_final_status};

/// The header that marks a stored answer (requirement I5); its value is `true`.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

const REPLAY: HeaderValue = HeaderValue::from_static("true");

/// The headers that belong to the outcome; all others belong to the one exchange.
const KEPT_HEADERS: [HeaderName; 6] = [
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_DISPOSITION,
    header::LOCATION,
    header::ETAG,
];

/// An HTTP answer as it is kept for repetitions: status, the headers that matter, body. Cheap to clone.
///
/// It is final ([`Outcome`]) when its status is ([`is_final_status`]).
#[derive(Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers that belong to the outcome, and the mark of a replay.
    pub headers: Arc<HeaderMap>,
    /// The body.
    pub body: Bytes,
}

impl StoredResponse {
    /// Keeps what belongs to the outcome: what its headers say of the body, location and entity tag.
    #[must_use]
    pub fn of(response: &http::Response<Bytes>) -> Self {
        let kept = KEPT_HEADERS.into_iter().filter_map(|name| {
            let value = response.headers().get(&name)?.clone();
            Some((name, value))
        });
        // Marked here and not when it is replayed, which happens more often.
        let headers = kept.chain([(REPLAYED, REPLAY)]).collect();
        Self { status: response.status(), headers: Arc::new(headers), body: response.body().clone() }
    }

    /// The answer to a repetition, marked as such.
    #[must_use]
    pub fn into_replay(self) -> http::Response<Bytes> {
        let mut response = http::Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = Arc::unwrap_or_clone(self.headers);
        response
    }
}

impl Outcome for StoredResponse {
    fn is_final(&self) -> bool {
        is_final_status(self.status)
    }
}

impl Replayable for http::Response<Bytes> {
    type Stored = StoredResponse;

    fn to_stored(&self) -> StoredResponse {
        StoredResponse::of(self)
    }

    fn from_stored(stored: StoredResponse) -> Self {
        stored.into_replay()
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
        let headers = self.headers.iter().filter(|(name, _)| *name != REPLAYED).filter_map(|(name, value)| {
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
        let mut headers = HeaderMap::with_capacity(wire.headers.len() + 1);
        for (name, value) in wire.headers {
            let name = HeaderName::try_from(name).map_err(D::Error::custom)?;
            headers.append(name, HeaderValue::try_from(value).map_err(D::Error::custom)?);
        }
        headers.insert(REPLAYED, REPLAY);
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

    #[test]
    fn what_says_how_to_read_the_body_is_kept_with_it() {
        let kept = [
            ("content-type", "text/csv"),
            ("content-encoding", "gzip"),
            ("content-language", "de"),
            ("content-disposition", "attachment"),
            ("location", "/orders/1"),
            ("etag", "\"1\""),
        ];
        let builder =
            kept.iter().fold(http::Response::builder(), |builder, (name, value)| builder.header(*name, *value));
        let replay = StoredResponse::of(&builder.body(Bytes::new()).expect("a response")).into_replay();
        for (name, value) in kept {
            assert_eq!(replay.headers()[name], value, "{name}");
        }
    }
}
