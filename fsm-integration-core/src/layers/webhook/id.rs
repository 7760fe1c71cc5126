use std::fmt;

use bytes::Bytes;
use http::HeaderValue;

/// The most characters of an id.
const MOST_ID: usize = 128;

/// Text that cannot be a webhook's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a webhook id has 1 to 128 printable ASCII characters and no full stop, which separates the signed parts")]
pub struct InvalidWebhookId;

/// The id of a webhook, the same on every attempt, by which receivers deduplicate (requirement W5).
///
/// Put it into the extensions of a request for [`SignLayer`](super::SignLayer) to sign. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookId(HeaderValue);

impl WebhookId {
    /// Checks the text and makes it an id.
    ///
    /// # Errors
    /// [`InvalidWebhookId`] when the text is empty, too long, or holds a full stop or anything unprintable.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidWebhookId> {
        let text = text.into();
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.');
        if !(1..=MOST_ID).contains(&text.len()) || !printable {
            return Err(InvalidWebhookId);
        }
        // Shared from the start, so that no clone allocates.
        HeaderValue::from_maybe_shared(Bytes::from_owner(text)).map(Self).map_err(|_| InvalidWebhookId)
    }

    /// Makes a new one; only for a message that is sent once.
    #[must_use]
    pub fn random() -> Self {
        let text = format!("msg_{}", uuid::Uuid::now_v7().simple());
        Self::new(text).expect("hex digits and an underscore are a valid id")
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().expect("an id is printable ASCII")
    }

    pub(super) fn as_header(&self) -> HeaderValue {
        self.0.clone()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
