//! What we tell the sales systems, one adapter a message.
//!
//! | adapter | when | callback |
//! |---|---|---|
//! | [`AppointmentAdapter`] | an assignment is confirmed | `/callback/appointment-scheduled` |
//! | [`OrderStatusAdapter`] | an order moves, or cannot | `/callback/order-status` |
//! | [`OutcomeAdapter`] | an order is closed | `/callback/installation-outcome` |
//! | [`CancellationAdapter`] | we call an order off | `/callback/order-cancelled` |
//! | [`TvModificationsAdapter`] | a technical visit says yes, but | `/callback/tv-modifications` |

use std::{marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use fsm_integration_core::{
    adapter::{AdapterId, ExternalResponse, IntegrationAdapter, IntegrationContext},
    clock::{Clock, SystemClock, WallClock},
    error::{Classify, Error, ErrorClass, FieldErrors, Result},
    layers::webhook::WebhookId,
    observe::health::{Health, HealthStatus},
};
use semver::Version;
use uuid::Uuid;

use crate::{
    outbound::SalesClient,
    wire::{AppointmentScheduled, InstallationOutcome, OrderCancelled, OrderStatus, SalesSystem, TvModifications},
};

/// Pyxis: label, breaker key and secret scope.
pub const PYXIS: &str = "pyxis";
/// Tempo: label, breaker key and secret scope.
pub const TEMPO: &str = "tempo";

/// Tells of appointments.
pub type AppointmentAdapter = SalesAdapter<AppointmentScheduled>;
/// Tells of the states and problems of orders.
pub type OrderStatusAdapter = SalesAdapter<OrderStatus>;
/// Tells of outcomes.
pub type OutcomeAdapter = SalesAdapter<InstallationOutcome>;
/// Tells of cancellations.
pub type CancellationAdapter = SalesAdapter<OrderCancelled>;
/// Tells of what a technical visit found.
pub type TvModificationsAdapter = SalesAdapter<TvModifications>;

impl SalesSystem {
    /// The system as a partner's name.
    #[must_use]
    pub const fn partner(self) -> &'static str {
        match self {
            Self::Pyxis => PYXIS,
            Self::Tempo => TEMPO,
        }
    }

    /// The system of a partner's name, as it stands in a route.
    #[must_use]
    pub fn from_partner(name: &str) -> Option<Self> {
        Self::WORDS.iter().map(|(_, system)| *system).find(|system| system.partner() == name)
    }

    /// Whether it sells technical visits; Tempo does not, so it hears of none.
    #[must_use]
    pub const fn takes_tv_modifications(self) -> bool {
        matches!(self, Self::Pyxis)
    }
}

/// A message on its way, with the id that stays the same on every attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery<M> {
    /// By which the receiver deduplicates.
    pub id: WebhookId,
    /// What is told.
    pub message: M,
}

impl<M: SalesMessage> Delivery<M> {
    /// Addresses a message; two messages about one event have different ids, one message always the same.
    #[must_use]
    pub fn new(event_id: Uuid, message: M) -> Self {
        let id = format!("{}_{event_id}", M::ADAPTER);
        Self { id: WebhookId::new(id).expect("an adapter's name and a UUID are a webhook id"), message }
    }
}

/// What a sales system has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    /// The 2xx that it answered.
    pub status: u16,
}

/// Sends one kind of message to one sales system.
#[derive(Debug, Clone)]
pub struct SalesAdapter<M> {
    id: AdapterId,
    version: Version,
    client: SalesClient,
    clock: Arc<dyn WallClock>,
    message: PhantomData<fn(M)>,
}

impl<M: SalesMessage> SalesAdapter<M> {
    /// Creates the adapter; the clock dates health checks.
    pub fn new(client: SalesClient, clock: Arc<dyn WallClock>) -> Self {
        let id = AdapterId::new(M::ADAPTER).expect("an adapter's name is an adapter id");
        Self { id, version: M::VERSION, client, clock, message: PhantomData }
    }
}

#[async_trait]
impl<M: SalesMessage> IntegrationAdapter for SalesAdapter<M> {
    type Request = Delivery<M>;
    type Response = Delivered;

    fn id(&self) -> &AdapterId {
        &self.id
    }

    fn version(&self) -> &Version {
        &self.version
    }

    fn validate(&self, request: &Delivery<M>) -> Result<(), FieldErrors> {
        let mut errors = FieldErrors::default();
        request.message.check(&mut errors);
        errors.into_result()
    }

    async fn execute(&self, request: &Delivery<M>, context: &IntegrationContext) -> Result<Delivered> {
        self.transform(request.message.send(&self.client, &request.id, context).await?)
    }

    fn transform(&self, answer: ExternalResponse) -> Result<Delivered> {
        let status = answer.status;
        answer.success().map(|_| Delivered { status })
    }

    async fn health_check(&self) -> HealthStatus {
        let clock = SystemClock;
        let started = clock.now();
        let answer = self.client.health().await;
        let (health, message) = health_of(answer.as_ref().err());
        HealthStatus { health, latency: clock.now() - started, checked_at: self.clock.timestamp(), message }
    }
}

/// A system that refuses the question for good is there: not every partner has a health route.
fn health_of(error: Option<&Error>) -> (Health, Option<String>) {
    let Some(error) = error else { return (Health::Healthy, None) };
    let health = match error.class() {
        ErrorClass::Permanent if error.answer().is_some() => Health::Healthy,
        ErrorClass::Throttled | ErrorClass::Open | ErrorClass::Cancelled => Health::Degraded,
        ErrorClass::Permanent | ErrorClass::Transient | ErrorClass::Timeout => Health::Unhealthy,
    };
    (health, Some(error.message().to_owned()))
}

/// A message that we send to sales systems.
#[async_trait]
pub trait SalesMessage: Send + Sync + 'static {
    /// The name of its adapter.
    const ADAPTER: &'static str;
    /// The version of its translation.
    const VERSION: Version = Version::new(1, 0, 0);

    /// Reports every field that must not go out like this.
    fn check(&self, errors: &mut FieldErrors);

    /// Makes the call.
    ///
    /// # Errors
    /// Whatever the client refuses.
    async fn send(
        &self,
        client: &SalesClient,
        id: &WebhookId,
        context: &IntegrationContext,
    ) -> Result<ExternalResponse>;
}

#[async_trait]
impl SalesMessage for AppointmentScheduled {
    const ADAPTER: &'static str = "sales-appointment-callback";

    fn check(&self, errors: &mut FieldErrors) {
        required(errors, "externalOrderId", &self.0.external_order_id);
        match &self.0.appointment {
            None => errors.push("appointment", "is required"),
            Some(appointment) if appointment.scheduled_start >= appointment.scheduled_end => {
                errors.push("appointment.scheduledEnd", "must be after scheduledStart");
            }
            Some(_) => {}
        }
    }

    async fn send(&self, client: &SalesClient, id: &WebhookId, it: &IntegrationContext) -> Result<ExternalResponse> {
        client.appointment_scheduled(id, self, it).await
    }
}

#[async_trait]
impl SalesMessage for OrderStatus {
    const ADAPTER: &'static str = "sales-order-status";

    fn check(&self, errors: &mut FieldErrors) {
        required(errors, "externalOrderId", &self.0.external_order_id);
        let failed = self.0.status == crate::wire::IntakeStatus::Failed;
        if failed == self.0.errors.is_empty() {
            errors.push("errors", "must say why when the status is FAILED, and only then");
        }
    }

    async fn send(&self, client: &SalesClient, id: &WebhookId, it: &IntegrationContext) -> Result<ExternalResponse> {
        client.order_status(id, self, it).await
    }
}

#[async_trait]
impl SalesMessage for InstallationOutcome {
    const ADAPTER: &'static str = "sales-installation-outcome";

    fn check(&self, errors: &mut FieldErrors) {
        required(errors, "externalOrderId", &self.external_order_id);
        required(errors, "appointmentId", &self.appointment_id);
        if self.customer_satisfaction.as_ref().is_some_and(|it| !(1..=5).contains(&it.rating)) {
            errors.push("customerSatisfaction.rating", "must be a whole number from 1 to 5");
        }
        if self.follow_up_required && self.follow_up_reason.is_none() {
            errors.push("followUpReason", "is required when somebody has to come again");
        }
    }

    async fn send(&self, client: &SalesClient, id: &WebhookId, it: &IntegrationContext) -> Result<ExternalResponse> {
        client.installation_outcome(id, self, it).await
    }
}

#[async_trait]
impl SalesMessage for OrderCancelled {
    const ADAPTER: &'static str = "sales-order-cancellation";

    fn check(&self, errors: &mut FieldErrors) {
        required(errors, "externalOrderId", &self.external_order_id);
        required(errors, "reason", &self.reason);
    }

    async fn send(&self, client: &SalesClient, id: &WebhookId, it: &IntegrationContext) -> Result<ExternalResponse> {
        client.order_cancelled(id, self, it).await
    }
}

#[async_trait]
impl SalesMessage for TvModifications {
    const ADAPTER: &'static str = "sales-tv-modifications";

    fn check(&self, errors: &mut FieldErrors) {
        required(errors, "externalOrderId", &self.external_order_id);
        if self.modifications.is_empty() {
            errors.push("modifications", "must have at least one element");
        }
    }

    async fn send(&self, client: &SalesClient, id: &WebhookId, it: &IntegrationContext) -> Result<ExternalResponse> {
        client.tv_modifications(id, self, it).await
    }
}

fn required(errors: &mut FieldErrors, field: &str, text: &str) {
    if text.trim().is_empty() {
        errors.push(field, "is required");
    }
}

#[cfg(test)]
mod tests;
