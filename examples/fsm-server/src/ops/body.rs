//! What a request asks for, with errors that say what is wrong with it.

use axum::extract::{Query, rejection::QueryRejection};
use bytes::Bytes;
use fsm_integration_core::error::{Error, ErrorKind, Result};
use serde::{Deserialize, de::DeserializeOwned};

use super::{MOST, USUAL};

/// Reads a JSON body; an empty one asks for nothing in particular.
pub(super) fn read<T: DeserializeOwned + Default>(body: &Bytes) -> Result<T> {
    if body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(body).map_err(|error| {
        let kind = if error.is_data() { ErrorKind::InvalidRequest } else { ErrorKind::MalformedRequest };
        Error::new(kind, format!("the body cannot be used: {error}"))
    })
}

/// What the query string says, or why it cannot be used.
pub(super) fn query<T>(query: Result<Query<T>, QueryRejection>) -> Result<T> {
    match query {
        Ok(Query(query)) => Ok(query),
        Err(rejection) => Err(Error::new(ErrorKind::MalformedRequest, rejection.body_text())),
    }
}

/// How many entries are asked for.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limit {
    limit: Option<u32>,
}

impl Limit {
    pub(super) fn get(self) -> u32 {
        self.limit.unwrap_or(USUAL).min(MOST)
    }
}
