//! The outbound HTTP client, as a tower service.
//!
//! [`ReqwestClient`] is the innermost service of every stack: it sends one request and says what came of it.
//! It never follows redirects, never reads a proxy from the environment, keeps no answer beyond a cap, and
//! connects only to addresses that its [`TargetPolicy`](crate::egress::TargetPolicy) lets through. It does not retry
//! and does not log:
//! that is what the layers around it are for.

mod body;
mod client;
mod config;
mod failure;
mod query;
mod resolver;
pub mod retry_after;
mod tls;

use bytes::Bytes;
use tower::util::BoxCloneSyncService;

pub use self::{
    client::ReqwestClient,
    config::HttpClientConfig,
    failure::{TransportCause, TransportError},
    query::encode,
    tls::install_tls,
};
use crate::error::Error;

/// A request to a partner, its body in memory, so that it can be sent again.
pub type HttpRequest = http::Request<Bytes>;

/// A partner's successful (2xx) answer.
pub type HttpResponse = http::Response<Bytes>;

/// What adapters call: any client under any stack of layers. Every status but 2xx is an [`Error`].
pub type HttpService = BoxCloneSyncService<HttpRequest, HttpResponse, Error>;
