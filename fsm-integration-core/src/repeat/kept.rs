use std::{fmt, sync::Arc};

use parking_lot::Mutex;

/// What a call may need after its first attempt, kept once for many calls: the layer's handle and a service to clone.
///
/// Cloning the inner service for each call instead would touch every counter in the stack below, twice a call, and
/// contend with every other task for them.
pub(crate) struct Kept<S, H> {
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

/// The inner service of a layer, with what its calls share.
///
/// A call costs one count up and down. A clone shares what is kept for its first call, which is often its only one,
/// and keeps its own from its second, so that two tasks with a clone each do not contend.
pub(crate) struct Keeper<S, H> {
    pub(crate) inner: S,
    kept: Arc<Kept<S, H>>,
    whose: Whose,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// Another's, and not used yet.
    Borrowed,
    /// Another's, and used once.
    Used,
    Own,
}

impl<S: Clone, H: Clone> Keeper<S, H> {
    pub(crate) fn new(inner: S, handle: H) -> Self {
        let kept = Arc::new(Kept { template: Mutex::new(inner.clone()), handle });
        Self { inner, kept, whose: Whose::Own }
    }

    /// What the next call takes along.
    #[inline]
    pub(crate) fn keep(&mut self) -> Arc<Kept<S, H>> {
        if self.whose != Whose::Own {
            self.own();
        }
        Arc::clone(&self.kept)
    }

    #[cold]
    fn own(&mut self) {
        self.whose = match self.whose {
            Whose::Borrowed => Whose::Used,
            Whose::Used | Whose::Own => {
                let kept = Kept { template: Mutex::new(self.kept.service()), handle: self.kept.handle.clone() };
                self.kept = Arc::new(kept);
                Whose::Own
            }
        };
    }
}

impl<S, H> Keeper<S, H> {
    #[inline]
    pub(crate) fn handle(&self) -> &H {
        &self.kept.handle
    }
}

impl<S: Clone, H> Clone for Keeper<S, H> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), kept: Arc::clone(&self.kept), whose: Whose::Borrowed }
    }
}

impl<S: fmt::Debug, H: fmt::Debug> fmt::Debug for Keeper<S, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("inner", &self.inner).field("handle", self.handle()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_shares_for_its_first_call_and_owns_from_its_second() {
        let mut first = Keeper::new((), "handle");
        let mut clone = first.clone();
        let shared = first.keep();
        assert!(Arc::ptr_eq(&shared, &clone.keep()));
        let own = clone.keep();
        assert!(!Arc::ptr_eq(&shared, &own));
        assert!(Arc::ptr_eq(&own, &clone.keep()));
        assert!(Arc::ptr_eq(&shared, &first.keep()), "the first keeps what it had");
        assert_eq!((own.handle, clone.handle()), ("handle", &"handle"));
    }
}
