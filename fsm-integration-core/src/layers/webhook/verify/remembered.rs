use std::{future::Future, pin::Pin, sync::Arc};

use tokio::{runtime::Handle, sync::oneshot};
use tracing::Instrument;

use crate::{
    error::InvalidSignature,
    layers::webhook::{ReplayKeys, ReplayStore, Verified, WebhookVerifier},
};

/// What a shared store says of a message.
pub(super) type Asking = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Whether a message is new to a shared store.
pub(super) enum Answer {
    New(Mark),
    Known,
    /// The store failed.
    Unknown,
}

/// The memory of a message that is being handled; forgotten when it is dropped, unless kept.
pub(super) struct Remembered {
    verifier: WebhookVerifier,
    store: Option<Arc<dyn ReplayStore>>,
    verified: Option<Verified>,
    /// What the store remembers on our behalf.
    mark: Option<Mark>,
}

/// What a shared store remembers on our behalf; forgotten when it is dropped, unless kept.
pub(super) struct Mark(Option<Marked>);

struct Marked {
    store: Arc<dyn ReplayStore>,
    verifier: Arc<str>,
    keys: ReplayKeys,
}

impl Remembered {
    pub(super) fn new(verifier: WebhookVerifier, store: Option<Arc<dyn ReplayStore>>) -> Self {
        Self { verifier, store, verified: None, mark: None }
    }

    /// Verifies a message, and remembers it in this process.
    pub(super) fn verify(&mut self, headers: &http::HeaderMap, body: &[u8]) -> Result<Verified, InvalidSignature> {
        let verified = self.verifier.verify(headers, body)?;
        self.verified = Some(verified.clone());
        Ok(verified)
    }

    /// Asks the shared store, if there is one, to remember it too.
    ///
    /// The question outlives whoever asks: dropped half-way it could leave a mark that nobody knows of, and every
    /// redelivery of a message that was never handled would be refused. Without a runtime it is asked on the spot.
    pub(super) fn ask(&mut self) -> Option<Asking> {
        let (store, verified) = (self.store.take()?, self.verified.as_ref()?);
        let keep = self.verifier.keep();
        let marked = Marked { store, verifier: Arc::clone(self.verifier.name()), keys: verified.replay_keys() };
        let asking = marked.remember(keep);
        let Ok(runtime) = Handle::try_current() else { return Some(Box::pin(asking)) };
        let (tell, told) = oneshot::channel();
        // An answer that nobody takes is dropped, and its mark with it: here, or in the channel.
        runtime.spawn(async move { drop(tell.send(asking.await)) }.in_current_span());
        // A store that panics has failed.
        Some(Box::pin(async move { told.await.unwrap_or(Answer::Unknown) }))
    }

    /// Goes by what the store says; while it fails, by the memory of this process.
    pub(super) fn answered(&mut self, answer: Answer) -> Result<(), InvalidSignature> {
        match answer {
            Answer::New(mark) => self.mark = Some(mark),
            Answer::Unknown => {}
            // Another process handles it, and the store remembers that. This one forgets it, when `self` is dropped:
            // if the other fails the store forgets it too, and the redelivery may come here.
            Answer::Known => return Err(self.verifier.refused(InvalidSignature::Replay)),
        }
        Ok(())
    }

    /// The message was handled.
    pub(super) fn keep(&mut self) {
        self.verified = None;
        if let Some(mut mark) = self.mark.take() {
            mark.0 = None;
        }
    }

    /// Refuses a body that could not be read whole.
    pub(super) fn unread(&self) -> InvalidSignature {
        self.verifier.refused(InvalidSignature::BadSignature)
    }
}

impl Drop for Remembered {
    fn drop(&mut self) {
        if let Some(verified) = self.verified.take() {
            self.verifier.forget(&verified);
        }
    }
}

impl Marked {
    async fn remember(self, keep: std::time::Duration) -> Answer {
        match self.store.remember(&self.verifier, &self.keys, keep).await {
            Ok(true) => Answer::New(Mark(Some(self))),
            Ok(false) => Answer::Known,
            Err(_) => Answer::Unknown,
        }
    }

    async fn forget(self) {
        // As well as it goes: if the store does not answer, its entry expires by itself.
        drop(self.store.forget(&self.verifier, &self.keys).await);
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        if let (Some(marked), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(marked.forget());
        }
    }
}
