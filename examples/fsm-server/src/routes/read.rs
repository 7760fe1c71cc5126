//! What handlers read: bodies, paths, queries and keys, all of it checked, all faults at once.

use axum::{
    body::HttpBody,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{HeaderMap, request::Parts},
};
use fsm_integration_core::{
    adapter::{
        CorrelationId, TenantId,
        fields::{At, FieldReader, Kind, integer, read},
        json::{JsonLimits, fingerprint, parse},
    },
    error::{Error, ErrorKind, FieldErrors, Result},
    layers::idempotency::{Fingerprint, IdempotencyKey, client_key},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    edge::{ApiError, JsonBytes},
    flow::execution::Actor,
    store::once::Once,
};

/// How many entries a list has unless it is said otherwise.
const USUAL_LIMIT: u32 = 50;
/// How many entries a list has at most.
const HIGHEST_LIMIT: i64 = 200;

/// A body by its schema, and what it is known by.
///
/// # Errors
/// `MalformedRequest` when it is no JSON, `InvalidRequest` with every field that is wrong.
pub(super) fn read_body<T>(bytes: &[u8], schema: impl Fn(&FieldReader<'_>) -> T) -> Result<(T, Fingerprint)> {
    let value = parse(bytes, &JsonLimits::default())
        .map_err(|error| Error::new(ErrorKind::MalformedRequest, error.to_string()).with_source(error))?;
    let found = read(&value, schema).map_err(|details| Error::invalid(ErrorKind::InvalidRequest, details))?;
    Ok((found, Fingerprint(fingerprint(&value))))
}

/// The body of a request that needs none: nothing, or any JSON object; what is neither is refused all the same.
pub(crate) struct NoBody;

impl<S: Send + Sync> FromRequest<S> for NoBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !request.body().is_end_stream() {
            let JsonBytes(body) = JsonBytes::from_request(request, state).await?;
            read_body(&body, |_| ())?;
        }
        Ok(Self)
    }
}

/// What stands in the path; what cannot be an id is the id of nothing.
pub(super) struct Named<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Named<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::from_request_parts(parts, state).await;
        path.map(|Path(id)| Self(id)).map_err(|_| Error::from(ErrorKind::NotFound).into())
    }
}

/// The query of a list, to be read like a body.
pub(super) struct Asked(Value);

impl Asked {
    /// # Errors
    /// `InvalidRequest` with every parameter that is wrong.
    pub(super) fn read<T>(&self, schema: impl Fn(&FieldReader<'_>) -> T) -> Result<T> {
        read(&self.0, schema).map_err(|details| Error::invalid(ErrorKind::InvalidRequest, details))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let pairs = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(pairs) = pairs.map_err(|_| Error::new(ErrorKind::MalformedRequest, "the query cannot be read"))?;
        let (mut query, mut twice) = (Map::new(), FieldErrors::default());
        for (name, text) in pairs {
            // Text is all a query has; a number is what the schema of a body would have.
            let value = text.parse::<u32>().map_or(Value::String(text), Value::from);
            if query.insert(name.clone(), value).is_some() {
                twice.push(name, "is there twice");
            }
        }
        twice.into_result().map_err(|details| Error::invalid(ErrorKind::InvalidRequest, details))?;
        Ok(Self(Value::Object(query)))
    }
}

/// How many entries are asked for: 50 unless it is said, 200 at most.
pub(super) fn limit(query: &FieldReader<'_>) -> u32 {
    let asked = query.optional("limit", integer(1..=HIGHEST_LIMIT));
    asked.map_or(USUAL_LIMIT, |limit| u32::try_from(limit).expect("the bounds fit"))
}

/// By what a create is known: the caller's key, or else the one that follows from what is created.
///
/// # Errors
/// `MalformedRequest` when the header cannot be a key.
pub(super) fn once(
    headers: &HeaderMap,
    tenant: &TenantId,
    operation: &str,
    own_key: Option<&str>,
    fingerprint: Fingerprint,
) -> Result<Option<Once>> {
    let sent = client_key(headers)?;
    // The two name different things; a key of the one must never meet a key of the other.
    let (operation, key) = match (sent, own_key) {
        (Some(key), _) => (format!("{operation}.by-key"), key.into_owned()),
        (None, Some(own)) => (format!("{operation}.by-number"), hex(own)),
        (None, None) => return Ok(None),
    };
    let key = IdempotencyKey::new(tenant.as_str(), &operation, &key)?;
    Ok(Some(Once { key, fingerprint }))
}

/// Any text as the printable ASCII that keys are made of, always of the same length.
fn hex(text: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes()).simple().to_string()
}

/// Who does something on site.
pub(super) fn actor(tenant: TenantId, correlation_id: CorrelationId) -> Actor {
    Actor { tenant, correlation_id }
}

/// Text of a form of its own.
pub(super) struct Formed<T> {
    pub(super) must: &'static str,
    pub(super) read: fn(&str) -> Option<T>,
    pub(super) placeholder: T,
}

impl<T: Clone> Kind for Formed<T> {
    type Value = T;

    fn read(&self, at: At<'_>) -> T {
        at.value().as_str().and_then(self.read).unwrap_or_else(|| {
            at.error(self.must);
            self.placeholder.clone()
        })
    }
}

/// An id of ours.
pub(super) fn uuid() -> impl Kind<Value = Uuid> {
    Formed { must: "must be a UUID", read: |text| text.parse().ok(), placeholder: Uuid::nil() }
}
