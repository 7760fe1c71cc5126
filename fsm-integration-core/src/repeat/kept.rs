use std::fmt;

use parking_lot::Mutex;

use crate::lending::{Counted, Lender, Lending};

/// What a call may need after its first attempt, kept once for many calls: the layer's handle and a service to clone.
///
/// Cloning the inner service for each call instead would touch every counter in the stack below, twice a call, and
/// contend with every other task for them.
#[derive(Debug)]
pub struct Kept<S, H> {
    /// Never called nor polled ready itself. Locked, so that a service need not be `Sync`.
    template: Mutex<S>,
    pub(crate) handle: H,
}

impl<S: Clone, H> Kept<S, H> {
    /// A service that has not been polled ready.
    pub(crate) fn service(&self) -> S {
        self.template.lock().clone()
    }
}

impl<S: Clone, H: Clone> Clone for Kept<S, H> {
    fn clone(&self) -> Self {
        Self { template: Mutex::new(self.service()), handle: self.handle.clone() }
    }
}

/// The inner service of a layer, with what its calls share.
pub(crate) struct Keeper<S, H, K: Lending<Kept<S, H>> = Counted> {
    pub(crate) inner: S,
    kept: K::Lender,
}

impl<S: Clone, H, K: Lending<Kept<S, H>>> Keeper<S, H, K> {
    pub(crate) fn new(inner: S, handle: H) -> Self {
        let kept = Lender::new(Kept { template: Mutex::new(inner.clone()), handle });
        Self { inner, kept }
    }
}

impl<S, H, K: Lending<Kept<S, H>>> Keeper<S, H, K> {
    /// What the next call takes along.
    #[inline]
    pub(crate) fn keep(&mut self) -> K::Loan
    where
        S: Clone,
        H: Clone,
    {
        self.kept.lend()
    }

    #[inline]
    pub(crate) fn handle(&self) -> &H {
        &self.kept.get().handle
    }
}

impl<S: Clone, H, K: Lending<Kept<S, H>>> Clone for Keeper<S, H, K> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), kept: self.kept.clone() }
    }
}

impl<S: fmt::Debug, H: fmt::Debug, K: Lending<Kept<S, H>>> fmt::Debug for Keeper<S, H, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("inner", &self.inner).field("handle", self.handle()).finish()
    }
}
