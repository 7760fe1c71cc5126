use std::{fmt, sync::Arc};

use tower::util::BoxCloneSyncService;

use crate::{
    error::{Error, Result},
    event::{Envelope, log::Record},
    sqlite::Tx,
};

/// One record handed to a handler.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The record.
    pub record: Arc<Record>,
    /// The consumer group it is handed to.
    pub group: Arc<str>,
    /// How many attempts came before this one; a restart does not lose count of the failed ones.
    pub attempt: u32,
    /// Whether an operator replays it.
    pub replayed: bool,
}

impl Delivery {
    /// The event with its typed headers.
    ///
    /// # Errors
    /// [`ErrorKind::Undecodable`](crate::error::ErrorKind::Undecodable) when a required header is absent.
    pub fn envelope(&self) -> Result<Envelope> {
        let record = &self.record;
        Envelope::from_record(record.topic.clone(), &*record.key, &record.headers, record.payload.clone())
    }
}

type Work = Box<dyn FnOnce(&Tx<'_>) -> Result<()> + Send>;

/// What is written when a delivery has been handled, in one transaction with the mark that it was.
pub struct Commit(Option<Work>);

impl Commit {
    /// Nothing but the mark.
    #[must_use]
    pub fn nothing() -> Self {
        Self(None)
    }

    /// The effects of the handler: state and the events that follow from it.
    pub fn with(work: impl FnOnce(&Tx<'_>) -> Result<()> + Send + 'static) -> Self {
        Self(Some(Box::new(work)))
    }

    pub(super) fn run(self, tx: &Tx<'_>) -> Result<()> {
        self.0.map_or(Ok(()), |work| work(tx))
    }
}

impl fmt::Debug for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Commit").field(&self.0.is_some()).finish()
    }
}

/// What handles deliveries: a tower service, so that the same layers serve it.
///
/// A foreign call is made in the service's future, a change of our own state in the [`Commit`] it returns.
pub type Handler = BoxCloneSyncService<Delivery, Commit, Error>;
