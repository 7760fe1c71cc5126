use std::sync::Arc;

use super::{Observation, Observers};

/// Who is told of one handle's decisions, and under which name; what handles share is apart from it.
#[derive(Debug, Clone)]
pub(crate) struct Listening {
    pub(crate) name: Arc<str>,
    pub(crate) observers: Observers,
}

impl Listening {
    /// The standard observers are told, under this name.
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.into(), observers: Observers::default() }
    }

    /// Tells of a decision.
    #[inline]
    pub(crate) fn observe(&self, observation: Observation) {
        self.observers.observe(&self.name, observation);
    }
}
