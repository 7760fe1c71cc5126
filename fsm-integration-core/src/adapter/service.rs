use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tower::Service;

use super::{IntegrationAdapter, IntegrationContext};
use crate::error::{Error, ErrorKind, Result};

/// One call of an adapter: the request and who asks.
#[derive(Debug, Clone)]
pub struct Call<R> {
    /// What to do.
    pub request: R,
    /// Who asks, why and until when.
    pub context: IntegrationContext,
}

/// Makes an adapter a [`tower::Service`] that validates before it executes.
///
/// Cheap to clone; clones share the adapter. Always ready.
///
/// ```
/// # use async_trait::async_trait;
/// # use fsm_integration_core::{adapter::{AdapterId, ExternalResponse, IntegrationAdapter}, error::{FieldErrors, Result}};
/// # use fsm_integration_core::observe::health::HealthStatus;
/// use fsm_integration_core::{
///     adapter::{AdapterService, Call, CorrelationId, IntegrationContext, TenantId},
///     error::ErrorKind,
/// };
/// use tower::ServiceExt;
///
/// # struct Greeter { id: AdapterId, version: semver::Version }
/// # #[async_trait]
/// # impl IntegrationAdapter for Greeter {
/// #     type Request = String;
/// #     type Response = String;
/// #     fn id(&self) -> &AdapterId { &self.id }
/// #     fn version(&self) -> &semver::Version { &self.version }
/// #     fn validate(&self, name: &String) -> Result<(), FieldErrors> {
/// #         let mut errors = FieldErrors::default();
/// #         if name.is_empty() {
/// #             errors.push("name", "is missing");
/// #         }
/// #         errors.into_result()
/// #     }
/// #     async fn execute(&self, name: &String, _: &IntegrationContext) -> Result<String> { Ok(format!("hello {name}")) }
/// #     fn transform(&self, _: ExternalResponse) -> Result<String> { unreachable!() }
/// #     async fn health_check(&self) -> HealthStatus { HealthStatus::healthy() }
/// # }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
/// # let greeter = Greeter { id: AdapterId::new("greeter")?, version: semver::Version::new(1, 0, 0) };
/// let service = AdapterService::new(greeter);
/// let context = IntegrationContext::system(TenantId::new("demo")?, CorrelationId::new("c-1")?, jiff::Timestamp::now());
/// let ask = |name: &str| service.clone().oneshot(Call { request: name.to_owned(), context: context.clone() });
/// assert_eq!(ask("Ada").await?, "hello Ada");
///
/// // What `validate` finds wrong never comes as far as `execute`.
/// assert_eq!(ask("").await.unwrap_err().kind(), ErrorKind::InvalidRequest);
/// # Ok(())
/// # }
/// ```
pub struct AdapterService<A> {
    adapter: Arc<A>,
}

impl<A: IntegrationAdapter> AdapterService<A> {
    /// Wraps the adapter.
    pub fn new(adapter: A) -> Self {
        Self { adapter: Arc::new(adapter) }
    }

    /// The adapter inside.
    #[must_use]
    pub fn adapter(&self) -> &A {
        &self.adapter
    }
}

impl<A: IntegrationAdapter> Service<Call<A::Request>> for AdapterService<A> {
    type Response = A::Response;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<A::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call<A::Request>) -> Self::Future {
        let adapter = Arc::clone(&self.adapter);
        Box::pin(async move {
            adapter.validate(&call.request).map_err(|details| Error::invalid(ErrorKind::InvalidRequest, details))?;
            adapter.execute(&call.request, &call.context).await
        })
    }
}

impl<A> Clone for AdapterService<A> {
    fn clone(&self) -> Self {
        Self { adapter: Arc::clone(&self.adapter) }
    }
}

impl<A: IntegrationAdapter> fmt::Debug for AdapterService<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdapterService")
            .field("id", self.adapter.id())
            .field("version", &format_args!("{}", self.adapter.version()))
            .finish()
    }
}
