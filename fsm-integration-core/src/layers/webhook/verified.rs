use std::fmt;

use http::HeaderValue;
use jiff::Timestamp;

use super::{
    ReplayScope,
    code::{Code, write_hex},
    replay::ReplayKeys,
};

/// Which headers a signature is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `webhook-id`, `webhook-timestamp`, `webhook-signature`; the id is signed.
    Standard,
    /// `X-FSM-Timestamp`, `X-FSM-Signature`; the event id is not signed.
    Fsm,
}

/// A message whose signature holds.
#[derive(Clone)]
pub struct Verified {
    pub(super) family: Family,
    pub(super) id: Option<HeaderValue>,
    /// `None` for a legacy signature.
    pub(super) timestamp: Option<Timestamp>,
    pub(super) scope: ReplayScope,
    /// The code of the FSM family, judged or beside the one that was.
    pub(super) code: Option<Code>,
}

impl Verified {
    /// Which headers were judged.
    #[must_use]
    pub fn family(&self) -> Family {
        self.family
    }

    /// The message's id, if it has one that is text; signed in the standard family only.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_ref().and_then(|id| std::str::from_utf8(id.as_bytes()).ok())
    }

    /// When this attempt was signed; `None` for a legacy signature.
    #[must_use]
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// What the message is known by in a [`ReplayStore`](super::ReplayStore).
    #[must_use]
    pub fn replay_keys(&self) -> ReplayKeys {
        let code = |kind: &str| self.code.map(|code| format!("{kind}:{}", write_hex(&code).escape_ascii()));
        let (code, twin) = (code("code"), code("twin"));
        let some = |keys: [&Option<String>; 2]| keys.into_iter().flatten().cloned().collect();
        match (self.family, self.id.as_ref().map(|id| id.as_bytes().escape_ascii()), self.timestamp) {
            (Family::Standard, Some(id), Some(at)) => {
                let own = Some(match self.scope {
                    ReplayScope::Message => format!("id:{id}"),
                    ReplayScope::Attempt => format!("attempt:{}:{id}", at.as_second()),
                });
                ReplayKeys { known_by: some([&own, &code]), remembered_as: some([&own, &twin]) }
            }
            _ => ReplayKeys { known_by: some([&code, &twin]), remembered_as: some([&code, &None]) },
        }
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("family", &self.family)
            .field("id", &self.id())
            .field("timestamp", &self.timestamp)
            .finish_non_exhaustive()
    }
}
