use std::{collections::BTreeMap, time::Instant};

use jiff::Timestamp;

use super::{CorrelationId, TenantId};

/// Who calls, why and until when; travels with every call.
///
/// ```
/// use std::time::{Duration, Instant};
/// use fsm_integration_core::adapter::{CorrelationId, IntegrationContext, TenantId};
/// use jiff::Timestamp;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut context = IntegrationContext::system(TenantId::new("demo")?, CorrelationId::new("c-1")?, Timestamp::now());
/// context.deadline = Some(Instant::now() + Duration::from_secs(20));
/// // The layers read it from a `Call`, or from the extensions of an HTTP request.
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(context);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct IntegrationContext {
    /// The journey this call belongs to.
    pub correlation_id: CorrelationId,
    /// Whose data it is.
    pub tenant: TenantId,
    /// The person or service that asked; the system itself is `"0"`, as in the source documents.
    pub user: String,
    /// When the journey's step began, by the wall clock.
    pub timestamp: Timestamp,
    /// How many attempts came before this one.
    pub retry_count: u32,
    /// How many requests of the same attempt were sent before this one, because they took long; 0 for the first.
    pub hedge: u32,
    /// After this instant an answer is of no use (requirement E8); no deadline when absent.
    pub deadline: Option<Instant>,
    /// Anything else that belongs into logs; no personal data, no secrets.
    pub metadata: BTreeMap<String, String>,
}

/// The instant after which an answer is of no use, as an extension of an HTTP request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(pub Instant);

impl Deadline {
    /// The earlier of the deadlines that a request's extensions hold: this one's and the context's.
    #[must_use]
    pub fn of(extensions: &http::Extensions) -> Option<Self> {
        let own = extensions.get::<Self>().copied();
        let context = extensions.get::<IntegrationContext>().and_then(|context| context.deadline).map(Self);
        own.into_iter().chain(context).min()
    }
}

impl IntegrationContext {
    /// The user id of the system itself.
    pub const SYSTEM_USER: &'static str = "0";

    /// Creates the context of a call that the system itself makes.
    #[must_use]
    pub fn system(tenant: TenantId, correlation_id: CorrelationId, timestamp: Timestamp) -> Self {
        Self {
            correlation_id,
            tenant,
            user: Self::SYSTEM_USER.to_owned(),
            timestamp,
            retry_count: 0,
            hedge: 0,
            deadline: None,
            metadata: BTreeMap::new(),
        }
    }
}
