//! The outbound HTTP client, as a tower service.

use bytes::Bytes;
use tower::util::BoxCloneSyncService;

use crate::error::Error;

/// A request to a partner, its body in memory, so that it can be sent again.
pub type HttpRequest = http::Request<Bytes>;

/// A partner's successful (2xx) answer.
pub type HttpResponse = http::Response<Bytes>;

/// What adapters call: any client under any stack of layers. Every status but 2xx is an [`Error`].
pub type HttpService = BoxCloneSyncService<HttpRequest, HttpResponse, Error>;
