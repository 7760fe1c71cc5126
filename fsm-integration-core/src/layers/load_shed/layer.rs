use std::sync::Arc;

use tower::Layer;

use super::LoadShedService;
use crate::{
    error::Overloaded,
    observe::{Listening, Observers},
    respond::RespondLayer,
};

/// Refuses calls while the service behind is not ready for them.
///
/// ```
/// use std::{future::{Ready, ready}, task::{Context, Poll}};
/// use fsm_integration_core::{error::{BoxError, Overloaded}, layers::load_shed::LoadShedLayer};
/// use tower::{Layer, Service, ServiceExt};
///
/// struct Busy;
///
/// impl Service<()> for Busy {
///     type Response = ();
///     type Error = BoxError;
///     type Future = Ready<Result<(), BoxError>>;
///
///     fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
///         Poll::Pending
///     }
///
///     fn call(&mut self, _: ()) -> Self::Future {
///         ready(Ok(()))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let refused = LoadShedLayer::new().layer(Busy).oneshot(()).await.unwrap_err();
/// assert!(refused.is::<Overloaded>());
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct LoadShedLayer {
    listening: Arc<Listening>,
}

impl LoadShedLayer {
    /// Tells the standard observers of refusals, under the name `load_shed`.
    #[must_use]
    pub fn new() -> Self {
        Self { listening: Arc::new(Listening::new("load_shed")) }
    }

    /// Names it, for those who are told of its refusals.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        Arc::make_mut(&mut self.listening).name = name.into();
        self
    }

    /// Chooses who is told of its refusals.
    #[must_use]
    pub fn with_observers(mut self, observers: Observers) -> Self {
        Arc::make_mut(&mut self.listening).observers = observers;
        self
    }

    /// Answers a refusal instead of failing, where the service cannot fail; comes last.
    pub fn respond_with<F, Response>(self, answer: F) -> RespondLayer<Self, Overloaded, F>
    where
        F: Fn(Overloaded) -> Response,
    {
        RespondLayer::new(self, answer)
    }
}

impl Default for LoadShedLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for LoadShedLayer {
    type Service = LoadShedService<S>;

    fn layer(&self, inner: S) -> LoadShedService<S> {
        LoadShedService::new(inner, Arc::clone(&self.listening))
    }
}
