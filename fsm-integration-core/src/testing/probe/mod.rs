//! The probe: what every layer must pass.
//!
//! * readiness is the inner service's, and no clone is called that was not polled ready;
//! * a dropped future drops the call and gives back what it held;
//! * a panic in the inner call leaves the layer usable, and is recorded by one that records how calls end;
//! * errors come out as they went in, and refusals as the caller's own type;
//! * the service is `Clone + Send + Sync`, its future `Send`.
//!
//! ```
//! use fsm_integration_core::testing::probe;
//! use tower::Layer;
//! # use tower::layer::util::Identity;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! # let layer = Identity::new();
//! probe::layer(|inner| layer.layer(inner)).await;
//! probe::layer_boxed(|inner| layer.layer(inner)).await;
//! # }
//! ```

mod checks;
mod failure;
#[cfg(test)]
mod tests;

use std::fmt;

use bytes::Bytes;
use tower::Service;

pub use self::failure::Failure;
use super::MockService;
use crate::error::BoxError;

/// What the probe sends; most layers work on any request, some on HTTP only.
pub type Request = http::Request<Bytes>;

/// What the probe's inner service answers.
pub type Response = http::Response<Bytes>;

/// The service that the probe puts inside the layer.
pub type Inner<E = Failure> = MockService<Request, Response, E>;

/// Passes a layer through every check, with an error enum of its own.
///
/// The layer is built once per check, from handles that the closure may share.
///
/// # Panics
/// When the layer fails a check; the message says which.
pub async fn layer<S>(wrap: impl Fn(Inner) -> S)
where
    S: Service<Request, Response = Response, Error = Failure> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    Probe::default().layer(wrap).await;
}

/// Passes a layer through every check, with [`BoxError`].
///
/// # Panics
/// When the layer fails a check; the message says which.
pub async fn layer_boxed<S>(wrap: impl Fn(Inner<BoxError>) -> S)
where
    S: Service<Request, Response = Response, Error = BoxError> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    Probe::default().layer_boxed(wrap).await;
}

/// The probe for a layer that needs a special request or holds something.
pub struct Probe<'a> {
    /// Makes the next request; a plain GET by default.
    pub request: &'a dyn Fn() -> Request,
    /// How much the layer's handle holds now: permits, leases, places in a queue.
    pub held: &'a dyn Fn() -> usize,
    /// How many calls that ended in a panic the layer's handle has recorded so far, by whatever name; absent for a layer
    /// that records none, which is the default.
    pub panics: Option<&'a dyn Fn() -> usize>,
    /// Whether the layer is ready while its inner service is not, and refuses the call then; `false` by default.
    pub sheds: bool,
}

impl Default for Probe<'_> {
    fn default() -> Self {
        Self { request: &|| Request::new(Bytes::from_static(b"probe")), held: &|| 0, panics: None, sheds: false }
    }
}

impl fmt::Debug for Probe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").field("held", &(self.held)()).finish_non_exhaustive()
    }
}

impl Probe<'_> {
    /// As [`layer()`].
    ///
    /// # Panics
    /// When the layer fails a check; the message says which.
    pub async fn layer<S>(&self, wrap: impl Fn(Inner) -> S)
    where
        S: Service<Request, Response = Response, Error = Failure> + Clone + Send + Sync + 'static,
        S::Future: Send,
    {
        self.check(wrap).await;
    }

    /// As [`layer_boxed`].
    ///
    /// # Panics
    /// When the layer fails a check; the message says which.
    pub async fn layer_boxed<S>(&self, wrap: impl Fn(Inner<BoxError>) -> S)
    where
        S: Service<Request, Response = Response, Error = BoxError> + Clone + Send + Sync + 'static,
        S::Future: Send,
    {
        self.check(wrap).await;
    }
}
