use std::{
    cell::RefCell,
    fmt,
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind},
};

use rusqlite::Connection;

type Hook = Box<dyn FnOnce() + Send>;

/// The transaction a unit of work runs in; reads and writes as a [`Connection`] does.
pub struct Tx<'c> {
    connection: &'c Connection,
    after_commit: RefCell<Vec<Hook>>,
}

impl<'c> Tx<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self { connection, after_commit: RefCell::default() }
    }

    /// Runs the hook once the effects are on disk; never, when they are undone.
    ///
    /// It runs on the writer thread and delays every other write. One that panics is logged and changes nothing else.
    pub fn after_commit(&self, hook: impl FnOnce() + Send + 'static) {
        self.after_commit.borrow_mut().push(Box::new(hook));
    }

    pub(super) fn hooks(&self) -> usize {
        self.after_commit.borrow().len()
    }

    pub(super) fn forget_hooks_after(&self, count: usize) {
        self.after_commit.borrow_mut().truncate(count);
    }

    pub(super) fn run_hooks(self) {
        for hook in self.after_commit.into_inner() {
            if catch_unwind(AssertUnwindSafe(hook)).is_err() {
                tracing::error!("a hook after a database commit panicked");
            }
        }
    }
}

impl Deref for Tx<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").finish_non_exhaustive()
    }
}
