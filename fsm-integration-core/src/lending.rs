//! What the calls of a service take along, held so that other tasks' calls do not slow them down.

use std::{ops::Deref, sync::Arc};

/// How a service lends its calls what they share: [`Counted`] or [`Leaked`].
///
/// A call may outlive the service that made it, so that something must keep the handle alive for it.
pub trait Lending<T>: private::Sealed {
    /// What the service has.
    #[doc(hidden)]
    type Lender: Lender<T, Loan = Self::Loan>;
    /// What a call has.
    #[doc(hidden)]
    type Loan: Deref<Target = T>;
}

/// Each call counts a reference up and down: two atomic steps. Nothing is left when service and calls are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {}

/// What calls share lives as long as the program, so that a call counts nothing.
///
/// For what is made once, as the breaker of a partner is. What each tenant or test makes anew would stay in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaked {}

impl<T> Lending<T> for Counted {
    type Lender = Lent<T>;
    type Loan = Arc<T>;
}

impl<T: 'static> Lending<T> for Leaked {
    type Lender = &'static T;
    type Loan = &'static T;
}

mod private {
    pub trait Sealed {}
    impl Sealed for super::Counted {}
    impl Sealed for super::Leaked {}
}

/// A value and the means to hand it to calls.
pub trait Lender<T>: Clone {
    type Loan;

    fn new(value: T) -> Self;

    /// The same for one more service, with a count of its own if it counts.
    fn anew(&self) -> Self
    where
        T: Clone;

    /// What the next call takes along.
    fn lend(&mut self) -> Self::Loan
    where
        T: Clone;

    fn get(&self) -> &T;
}

/// A value whose references are counted where other tasks do not count.
///
/// Handles are shared by design, and so would be the counter of references to them: two tasks that do nothing but count
/// it up and down spend most of their time waiting for each other's cache line. So a clone of the service shares the
/// counter for its first call, which is often its only one, and counts its own from its second.
#[derive(Debug)]
pub struct Lent<T> {
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

impl<T> Lender<T> for Lent<T> {
    type Loan = Arc<T>;

    fn new(value: T) -> Self {
        Self { value: Arc::new(value), whose: Whose::Own }
    }

    fn anew(&self) -> Self
    where
        T: Clone,
    {
        Self::new(T::clone(&self.value))
    }

    #[inline]
    fn lend(&mut self) -> Arc<T>
    where
        T: Clone,
    {
        if self.whose != Whose::Own {
            self.own();
        }
        Arc::clone(&self.value)
    }

    #[inline]
    fn get(&self) -> &T {
        &self.value
    }
}

impl<T> Clone for Lent<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), whose: Whose::Borrowed }
    }
}

impl<T> Lender<T> for &'static T {
    type Loan = &'static T;

    fn new(value: T) -> Self {
        Box::leak(Box::new(value))
    }

    fn anew(&self) -> Self {
        self
    }

    #[inline]
    fn lend(&mut self) -> &'static T {
        self
    }

    #[inline]
    fn get(&self) -> &T {
        self
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

    #[test]
    fn what_is_leaked_is_the_same_for_every_clone_and_call() {
        let mut first = <&'static String as Lender<String>>::new("handle".to_owned());
        let mut clone = first;
        assert!(std::ptr::eq(first.lend(), clone.lend()));
        assert_eq!(first.get(), "handle");
    }
}
