//! What stands between the network and the handlers; knows nothing of orders.
//!
//! ```text
//! listen::serve          header limits and timeout, peers, graceful end
//!   Edge::outer          correlation id, span, panics, the error body     every route, 404 and 405 included
//!     Edge::guard        concurrency limit, request timeout               all but the probes
//!       TenantKeys       who calls                                        the public API
//!       AdminToken       whether it is an operator                        /admin and /ops
//!         TenantLimit    how often                                        intake, slots
//!           JsonBytes    content type, size and time of the body          the handler's argument
//! ```
//!
//! A handler fails by returning [`ApiError`]; [`Edge::outer`] writes the body.

mod admin;
mod body;
mod error;
mod guard;
pub mod listen;
mod outer;
mod render;
mod tenant;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::ConnectInfo,
    http::{HeaderMap, header},
    middleware,
};
use fsm_integration_core::clock::WallClock;
use tokio::sync::Semaphore;

pub use self::{
    admin::AdminToken,
    body::{BodyLimits, JsonBytes},
    error::{ApiError, KeepBody},
    tenant::TenantKeys,
};
use crate::config::{KeyHash, ServerConfig};

/// Header that carries the correlation id, both ways.
pub const CORRELATION_ID: &str = "x-correlation-id";

/// What every request passes; a clone shares the concurrency limit.
#[derive(Debug, Clone)]
pub struct Edge {
    clock: Arc<dyn WallClock>,
    body: BodyLimits,
    request_timeout: Duration,
    slots: Arc<Semaphore>,
}

impl Edge {
    /// Creates it from the server's settings.
    #[must_use]
    pub fn new(config: &ServerConfig, clock: Arc<dyn WallClock>) -> Self {
        Self {
            clock,
            body: BodyLimits { bytes: config.body_limit_bytes, timeout: config.body_timeout },
            request_timeout: config.request_timeout,
            slots: Arc::new(Semaphore::new(config.max_concurrent_requests.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// Wraps the whole router: nothing that a route answers, not even a 404, escapes it.
    pub fn outer<S: Clone + Send + Sync + 'static>(&self, router: Router<S>) -> Router<S> {
        router.layer(middleware::from_fn_with_state(self.clone(), outer::outer))
    }

    /// Wraps routes that do work: bounded in number and in time. Probes stay outside, so that they always answer.
    ///
    /// # Panics
    /// The router has no routes.
    pub fn guard<S: Clone + Send + Sync + 'static>(&self, router: Router<S>) -> Router<S> {
        router.route_layer(middleware::from_fn_with_state(self.clone(), guard::guard))
    }
}

/// The hash of the key that a caller presents as `Authorization: Bearer <key>`.
fn presented(headers: &HeaderMap) -> Option<KeyHash> {
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| KeyHash::of(key.trim()))
}

/// Whether a request comes from this machine and was not sent by a web page of another site.
///
/// Where loopback is all the protection there is, a browser on this machine must not be made to carry it away: a
/// foreign name in `Host` is a name that was bound to this address, and browsers say when a request crosses sites.
fn is_local(peer: Option<&ConnectInfo<SocketAddr>>, headers: &HeaderMap) -> bool {
    let near = peer.is_none_or(|ConnectInfo(address)| address.ip().to_canonical().is_loopback());
    let own_name = headers.get(header::HOST).is_none_or(|host| host.to_str().is_ok_and(names_loopback));
    let same_site = headers.get("sec-fetch-site").is_none_or(|site| site != "cross-site");
    near && own_name && same_site
}

fn names_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    name.is_some_and(|name| {
        name.eq_ignore_ascii_case("localhost")
            || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}
