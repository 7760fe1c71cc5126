/// A box that is seldom made.
///
/// Its end is out of line. A future's end is part of every call, and what would be a comparison is a call of a function
/// where the code that ends what is seldom there is too long to be taken in.
#[derive(Debug)]
pub(super) struct Rare<T>(Option<Box<T>>);

impl<T> Rare<T> {
    pub(super) const NONE: Self = Self(None);

    pub(super) fn new(value: T) -> Self {
        Self(Some(Box::new(value)))
    }

    #[inline]
    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_deref()
    }

    #[inline]
    pub(super) fn get_mut(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }
}

impl<T> Drop for Rare<T> {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            end(value);
        }
    }
}

#[cold]
#[inline(never)]
fn end<T>(value: Box<T>) {
    drop(value);
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn what_is_there_ends_with_it() {
        let value = Rc::new(());
        let mut rare = Rare::new(Rc::clone(&value));
        assert!(rare.get().is_some() && rare.get_mut().is_some());
        drop(rare);
        assert_eq!(Rc::strong_count(&value), 1);
        assert!(Rare::<()>::NONE.get().is_none());
    }
}
