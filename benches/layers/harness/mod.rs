//! What measures; knows nothing of what is measured.

pub(crate) mod alloc;
pub(crate) mod contender;
pub(crate) mod measure;
pub(crate) mod service;
pub(crate) mod table;
