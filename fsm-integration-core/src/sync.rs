//! What model checking swaps out: under `--cfg fsm_loom` loom's types, else the usual ones.

#[cfg(not(fsm_loom))]
pub(crate) use std::sync::atomic;

#[cfg(fsm_loom)]
pub(crate) use loom::sync::atomic;
#[cfg(not(fsm_loom))]
pub(crate) use parking_lot::Mutex;

#[cfg(fsm_loom)]
pub(crate) use self::modelled::Mutex;

#[cfg(fsm_loom)]
mod modelled {
    use loom::sync::MutexGuard;

    /// loom's lock with the shape of parking_lot's: loom has no poisoning worth asking for.
    #[derive(Debug)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().expect("a model that panics ends there")
        }
    }
}
