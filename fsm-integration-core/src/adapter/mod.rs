//! What an integration is: an adapter with a name, a version and one verb.

pub mod fields;
pub mod json;

mod context;
mod id;
mod service;

use async_trait::async_trait;
use bytes::Bytes;

pub use self::{
    context::{Deadline, IntegrationContext},
    id::{AdapterId, CorrelationId, InvalidId, Partner, TenantId},
    service::{AdapterService, Call},
};
use crate::{
    error::{Error, ErrorKind, FieldErrors, PartnerAnswer, Result},
    observe::health::HealthStatus,
};

/// Code for one operation of one partner.
///
/// [`AdapterService`] makes any adapter a [`tower::Service`]; validation is part of it and cannot be skipped.
///
/// ```
/// use async_trait::async_trait;
/// use fsm_integration_core::{
///     adapter::{AdapterId, ExternalResponse, IntegrationAdapter, IntegrationContext},
///     error::{ErrorKind, FieldErrors, Result},
///     observe::health::HealthStatus,
/// };
///
/// /// Where a parcel is.
/// struct Carrier {
///     id: AdapterId,
///     version: semver::Version,
/// }
///
/// #[async_trait]
/// impl IntegrationAdapter for Carrier {
///     type Request = String;
///     type Response = String;
///
///     fn id(&self) -> &AdapterId {
///         &self.id
///     }
///
///     fn version(&self) -> &semver::Version {
///         &self.version
///     }
///
///     fn validate(&self, parcel: &String) -> Result<(), FieldErrors> {
///         let mut errors = FieldErrors::default();
///         if parcel.is_empty() {
///             errors.push("parcel", "is missing");
///         }
///         errors.into_result()
///     }
///
///     async fn execute(&self, parcel: &String, _: &IntegrationContext) -> Result<String> {
///         // Here an HTTP client asks for `/parcels/{parcel}`.
/// #       let _ = parcel;
///         self.transform(ExternalResponse { status: 200, body: r#"{"city":"Graz"}"#.into() })
///     }
///
///     fn transform(&self, answer: ExternalResponse) -> Result<String> {
///         #[derive(serde::Deserialize)]
///         struct Parcel { city: String }
///         Ok(answer.json::<Parcel>()?.city)
///     }
///
///     async fn health_check(&self) -> HealthStatus {
///         HealthStatus::healthy()
///     }
/// }
///
/// let carrier = Carrier { id: AdapterId::new("carrier").unwrap(), version: semver::Version::new(1, 0, 0) };
/// let gone = ExternalResponse { status: 404, body: Default::default() };
/// assert_eq!(carrier.transform(gone).unwrap_err().kind(), ErrorKind::of_partner_status(404).unwrap());
/// ```
#[async_trait]
pub trait IntegrationAdapter: Send + Sync + 'static {
    /// What goes in, in our words.
    type Request: Send + Sync + 'static;
    /// What comes out, in our words.
    type Response: Send + 'static;

    /// The adapter's name: metric label, breaker key and secret scope.
    fn id(&self) -> &AdapterId;

    /// The version of the translation this adapter does.
    fn version(&self) -> &semver::Version;

    /// Checks the request and collects **all** fields that are wrong.
    ///
    /// # Errors
    /// Every field that is wrong.
    fn validate(&self, request: &Self::Request) -> Result<(), FieldErrors>;

    /// Makes the call; called only with a request that [`validate`](Self::validate) has passed.
    ///
    /// # Errors
    /// Whatever the partner or the way to it refuses, classified.
    async fn execute(&self, request: &Self::Request, context: &IntegrationContext) -> Result<Self::Response>;

    /// Turns the partner's answer into ours; checks its status first, never a cast.
    ///
    /// # Errors
    /// A status that is no success, or a body that does not say what it should.
    fn transform(&self, answer: ExternalResponse) -> Result<Self::Response>;

    /// Asks the partner how it is, without side effects.
    async fn health_check(&self) -> HealthStatus;
}

/// A partner's answer as it came: status and bytes.
#[derive(Debug, Clone)]
pub struct ExternalResponse {
    /// HTTP status.
    pub status: u16,
    /// The body's bytes.
    pub body: Bytes,
}

impl ExternalResponse {
    /// The body, if the status is 2xx.
    ///
    /// # Errors
    /// The failure that the status means ([`ErrorKind::of_partner_status`]), with the answer attached.
    pub fn success(self) -> Result<Bytes> {
        match ErrorKind::of_partner_status(self.status) {
            None => Ok(self.body),
            Some(kind) => Err(Error::new(kind, format!("the partner answered {}", self.status))
                .with_answer(PartnerAnswer { status: self.status, body: self.body })),
        }
    }

    /// The JSON value that a successful answer holds.
    ///
    /// # Errors
    /// As [`success`](Self::success); [`ErrorKind::PartnerUnreadable`] for a body that is not such a value.
    pub fn json<T: serde::de::DeserializeOwned>(self) -> Result<T> {
        let body = self.success()?;
        serde_json::from_slice(&body).map_err(|error| Error::from(ErrorKind::PartnerUnreadable).with_source(error))
    }
}
