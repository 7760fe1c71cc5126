use std::{future::Future, pin::Pin, sync::Arc};

use crate::{
    error::InvalidSignature,
    layers::webhook::{ReplayStore, Verified, WebhookVerifier},
};

/// Whether a message is new to a shared store; `None` when the store failed.
pub(super) type Asking = Pin<Box<dyn Future<Output = Option<bool>> + Send>>;

/// The memory of a message that is being handled; forgotten when it is dropped, unless kept.
pub(super) struct Remembered {
    verifier: WebhookVerifier,
    store: Option<Arc<dyn ReplayStore>>,
    verified: Option<Verified>,
    /// Whether the store remembers it on our behalf.
    stored: bool,
}

impl Remembered {
    pub(super) fn new(verifier: WebhookVerifier, store: Option<Arc<dyn ReplayStore>>) -> Self {
        Self { verifier, store, verified: None, stored: false }
    }

    /// Verifies a message, and remembers it in this process.
    pub(super) fn verify(&mut self, headers: &http::HeaderMap, body: &[u8]) -> Result<Verified, InvalidSignature> {
        let verified = self.verifier.verify(headers, body)?;
        self.verified = Some(verified.clone());
        Ok(verified)
    }

    /// Asks the shared store, if there is one, to remember it too.
    pub(super) fn ask(&self) -> Option<Asking> {
        let (store, verified) = (self.store.clone()?, self.verified.as_ref()?);
        let (name, keys, keep) = (Arc::clone(self.verifier.name()), verified.replay_keys(), self.verifier.keep());
        Some(Box::pin(async move { store.remember(&name, &keys, keep).await.ok() }))
    }

    /// Goes by what the store says; while it fails, by the memory of this process.
    pub(super) fn answered(&mut self, new: Option<bool>) -> Result<(), InvalidSignature> {
        self.stored = new == Some(true);
        if new != Some(false) {
            return Ok(());
        }
        // Another process handles it, and the store remembers that. This one forgets it, when `self` is dropped:
        // if the other fails the store forgets it too, and the redelivery may come here.
        Err(self.verifier.refused(InvalidSignature::Replay))
    }

    /// The message was handled.
    pub(super) fn keep(&mut self) {
        self.verified = None;
    }

    /// Refuses a body that could not be read whole.
    pub(super) fn unread(&self) -> InvalidSignature {
        self.verifier.refused(InvalidSignature::BadSignature)
    }
}

impl Drop for Remembered {
    fn drop(&mut self) {
        let Some(verified) = self.verified.take() else { return };
        self.verifier.forget(&verified);
        if !self.stored {
            return;
        }
        if let (Some(store), Ok(runtime)) = (self.store.take(), tokio::runtime::Handle::try_current()) {
            let name = Arc::clone(self.verifier.name());
            // As well as it goes: if the store does not answer, its entry expires by itself.
            runtime.spawn(async move { store.forget(&name, &verified.replay_keys()).await });
        }
    }
}
