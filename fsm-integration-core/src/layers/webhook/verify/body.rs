use std::{
    future::{Future, Ready, ready},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use pin_project_lite::pin_project;

/// How a request's body becomes the bytes that are verified.
pub trait ReadBody<B> {
    /// The whole body; `None` when it is too long or breaks off.
    type Future: Future<Output = Option<Bytes>>;

    /// Reads the body to its end.
    fn read(&self, body: B) -> Self::Future;
}

/// The body is there already.
#[derive(Debug, Clone, Copy)]
pub struct InMemory;

impl<B: Into<Bytes>> ReadBody<B> for InMemory {
    type Future = Ready<Option<Bytes>>;

    fn read(&self, body: B) -> Self::Future {
        ready(Some(body.into()))
    }
}

/// The body is read by a function up to a limit.
#[derive(Debug, Clone, Copy)]
pub struct Buffered<F> {
    pub(super) limit: usize,
    pub(super) read: F,
}

impl<B, F, Fut, E> ReadBody<B> for Buffered<F>
where
    F: Fn(B, usize) -> Fut,
    Fut: Future<Output = Result<Bytes, E>>,
{
    type Future = Reading<Fut>;

    fn read(&self, body: B) -> Self::Future {
        Reading { read: (self.read)(body, self.limit), limit: self.limit }
    }
}

pin_project! {
    /// A body that is being read.
    #[derive(Debug)]
    pub struct Reading<F> {
        #[pin]
        read: F,
        limit: usize,
    }
}

impl<F: Future<Output = Result<Bytes, E>>, E> Future for Reading<F> {
    type Output = Option<Bytes>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let this = self.project();
        this.read.poll(cx).map(|read| read.ok().filter(|bytes| bytes.len() <= *this.limit))
    }
}
