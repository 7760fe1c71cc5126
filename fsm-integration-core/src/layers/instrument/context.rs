use http::Request;

use crate::adapter::{Call, IntegrationContext};

/// A request that may know who calls and why, for the span.
///
/// Implemented for [`Call`] and, by the extension, for [`http::Request`].
pub trait HasContext {
    /// Who calls and why, if it is known.
    fn context(&self) -> Option<&IntegrationContext> {
        None
    }
}

impl<R> HasContext for Call<R> {
    fn context(&self) -> Option<&IntegrationContext> {
        Some(&self.context)
    }
}

impl<B> HasContext for Request<B> {
    fn context(&self) -> Option<&IntegrationContext> {
        self.extensions().get()
    }
}
