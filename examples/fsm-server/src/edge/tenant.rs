use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use fsm_integration_core::{
    adapter::TenantId,
    error::{Error, ErrorKind},
};

use super::{ApiError, is_local, presented};
use crate::config::{ApiKey, AuthConfig};

const TENANT_ID: &str = "x-tenant-id";
const DEFAULT_TENANT: &str = "demo";

/// Names the tenant of a request by its API key; a handler finds it as `Extension<TenantId>`.
///
/// Without any key loopback only is served, to the tenant of `X-Tenant-Id` (default `demo`).
#[derive(Debug, Clone)]
pub struct TenantKeys(Arc<[ApiKey]>);

impl TenantKeys {
    /// Takes the keys of the configuration.
    #[must_use]
    pub fn new(config: &AuthConfig) -> Self {
        Self(config.keys.clone().into())
    }

    /// Lets only requests of a known tenant to these routes.
    ///
    /// # Panics
    /// The router has no routes.
    pub fn protect<S: Clone + Send + Sync + 'static>(&self, router: Router<S>) -> Router<S> {
        router.route_layer(middleware::from_fn_with_state(self.clone(), authenticate))
    }

    fn tenant(&self, request: &Request) -> Result<TenantId, Error> {
        let claimed = claimed(request)?;
        if self.0.is_empty() {
            let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
            if !is_local(peer, request.headers()) {
                let text = "no API key is configured, so only requests of this machine are served";
                return Err(Error::new(ErrorKind::Unauthorized, text));
            }
            return Ok(claimed.unwrap_or_else(|| TenantId::new(DEFAULT_TENANT).expect("a valid id")));
        }
        let tenant = self.of_key(request).ok_or_else(|| {
            Error::new(ErrorKind::Unauthorized, "send a valid API key as authorization: Bearer <key>")
        })?;
        match claimed {
            Some(claimed) if claimed != tenant => {
                Err(Error::new(ErrorKind::Forbidden, "x-tenant-id is not the tenant of this API key"))
            }
            _ => Ok(tenant),
        }
    }

    /// Compares with every key, so that the time tells nothing of which one it was.
    fn of_key(&self, request: &Request) -> Option<TenantId> {
        let hash = presented(request.headers())?;
        self.0.iter().fold(None, |found, key| if key.sha256 == hash { Some(key.tenant.clone()) } else { found })
    }
}

fn claimed(request: &Request) -> Result<Option<TenantId>, Error> {
    let Some(value) = request.headers().get(TENANT_ID) else { return Ok(None) };
    let tenant = value.to_str().ok().and_then(|text| TenantId::new(text).ok());
    tenant
        .map(Some)
        .ok_or_else(|| Error::new(ErrorKind::MalformedRequest, "x-tenant-id must match ^[a-z0-9][a-z0-9_-]{0,63}$"))
}

async fn authenticate(State(keys): State<TenantKeys>, mut request: Request, next: Next) -> Response {
    match keys.tenant(&request) {
        Ok(tenant) => {
            request.extensions_mut().insert(tenant);
            next.run(request).await
        }
        Err(error) => refused(error),
    }
}

/// A 401 says which scheme is expected (RFC 9110).
pub(super) fn refused(error: Error) -> Response {
    let challenge = error.kind() == ErrorKind::Unauthorized;
    let mut response = ApiError::from(error).into_response();
    if challenge {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
