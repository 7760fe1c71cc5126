use std::net::SocketAddr;

use axum::{
    Router,
    extract::{ConnectInfo, Request, State},
    middleware::{self, Next},
    response::Response,
};
use fsm_integration_core::error::{Error, ErrorKind};

use super::{is_local, presented, tenant::refused};
use crate::config::{AuthConfig, KeyHash};

/// Lets operators in: by their token, or without one by being on this machine.
#[derive(Debug, Clone, Copy)]
pub struct AdminToken(Option<KeyHash>);

impl AdminToken {
    /// Takes the token's hash of the configuration.
    #[must_use]
    pub fn new(config: &AuthConfig) -> Self {
        Self(config.admin_token_sha256)
    }

    /// Lets only operators to these routes.
    ///
    /// # Panics
    /// The router has no routes.
    pub fn protect<S: Clone + Send + Sync + 'static>(self, router: Router<S>) -> Router<S> {
        router.route_layer(middleware::from_fn_with_state(self, authenticate))
    }

    fn admits(self, request: &Request) -> Result<(), &'static str> {
        match self.0 {
            Some(token) if presented(request.headers()) == Some(token) => Ok(()),
            Some(_) => Err("send the operators' token as authorization: Bearer <token>"),
            None if is_local(request.extensions().get::<ConnectInfo<SocketAddr>>(), request.headers()) => Ok(()),
            None => Err("no operators' token is configured, so only requests of this machine are served"),
        }
    }
}

async fn authenticate(State(token): State<AdminToken>, request: Request, next: Next) -> Response {
    match token.admits(&request) {
        Ok(()) => next.run(request).await,
        Err(text) => refused(Error::new(ErrorKind::Unauthorized, text)),
    }
}
