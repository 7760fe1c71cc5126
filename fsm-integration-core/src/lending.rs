//! What the calls of a service take along, counted where other tasks do not count.

use std::sync::Arc;

/// A value that a service lends to its calls; a call costs one count up and down.
///
/// Handles are shared by design, and so would be the counter of references to them: two tasks that do nothing but count
/// it up and down spend most of their time waiting for each other's cache line. So a clone of the service shares the
/// counter for its first call, which is often its only one, and counts its own from its second.
#[derive(Debug)]
pub(crate) struct Lent<T> {
    value: Arc<T>,
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

impl<T: Clone> Lent<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: Arc::new(value), whose: Whose::Own }
    }

    /// What the next call takes along.
    #[inline]
    pub(crate) fn lend(&mut self) -> Arc<T> {
        if self.whose != Whose::Own {
            self.own();
        }
        Arc::clone(&self.value)
    }

    #[cold]
    #[inline(never)]
    fn own(&mut self) {
        self.whose = match self.whose {
            Whose::Borrowed => Whose::Used,
            Whose::Used | Whose::Own => {
                self.value = Arc::new(T::clone(&self.value));
                Whose::Own
            }
        };
    }
}

impl<T> Lent<T> {
    #[inline]
    pub(crate) fn get(&self) -> &T {
        &self.value
    }
}

impl<T> Clone for Lent<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), whose: Whose::Borrowed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_shares_for_its_first_call_and_owns_from_its_second() {
        let mut first = Lent::new("handle");
        let mut clone = first.clone();
        let shared = first.lend();
        assert!(Arc::ptr_eq(&shared, &clone.lend()));
        let own = clone.lend();
        assert!(!Arc::ptr_eq(&shared, &own));
        assert!(Arc::ptr_eq(&own, &clone.lend()));
        assert!(Arc::ptr_eq(&shared, &first.lend()), "the first keeps what it had");
        assert_eq!((*own, clone.get()), ("handle", &"handle"));
    }
}
