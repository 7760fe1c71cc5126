use std::{
    sync::Arc,
    task::{Context, Poll},
};

use tower::Service;

use super::LoadShedFuture;
use crate::{
    error::Overloaded,
    observe::{Listening, Observation},
};

/// A service that refuses calls while the one behind is not ready for them.
#[derive(Debug)]
pub struct LoadShedService<S> {
    inner: S,
    is_ready: bool,
    listening: Arc<Listening>,
}

impl<S> LoadShedService<S> {
    pub(super) const fn new(inner: S, listening: Arc<Listening>) -> Self {
        Self { inner, is_ready: false, listening }
    }
}

/// A clone has yet to be made ready.
impl<S: Clone> Clone for LoadShedService<S> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), Arc::clone(&self.listening))
    }
}

impl<S, Request> Service<Request> for LoadShedService<S>
where
    S: Service<Request>,
    S::Error: From<Overloaded>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = LoadShedFuture<S::Future>;

    /// Always ready, unless the inner service has failed.
    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.is_ready = match self.inner.poll_ready(cx) {
            Poll::Ready(result) => {
                result?;
                true
            }
            Poll::Pending => false,
        };
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: Request) -> Self::Future {
        if std::mem::take(&mut self.is_ready) {
            LoadShedFuture::calling(self.inner.call(request))
        } else {
            self.listening.observe(Observation::LoadShed);
            LoadShedFuture::refused()
        }
    }
}
