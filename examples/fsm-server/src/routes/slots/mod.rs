//! Free slots: looked up in the calendar, behind a breaker, and remembered until somebody books.

mod cache;
mod search;

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    body::Bytes,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use fsm_adapters_sales::{inbound, translate, wire::SlotQuery};
use fsm_integration_core::{
    adapter::TenantId,
    clock::WallClock,
    error::{Error, ErrorKind, Result, TimedOut},
    layers::circuit_breaker::{CircuitBreaker, CircuitBreakerConfig},
};

use self::cache::{Answers, Moment};
use crate::{
    edge::{ApiError, JsonBytes},
    flow::Flow,
    store::appointments,
};

/// How long a look into the calendar may take; well within what a request may.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// Answers questions for free slots; clones share what is remembered and the breaker.
#[derive(Clone)]
pub(super) struct Availability {
    flow: Flow,
    clock: Arc<dyn WallClock>,
    answers: Answers,
    breaker: CircuitBreaker,
}

impl Availability {
    pub(super) fn new(flow: Flow, clock: Arc<dyn WallClock>) -> Self {
        let breaker = CircuitBreaker::new("calendar", CircuitBreakerConfig::default());
        Self { flow, clock, answers: Answers::default(), breaker }
    }

    /// The answer, remembered or new; equal questions at the same time are looked up once.
    async fn answer(&self, tenant: &TenantId, query: SlotQuery) -> Result<Bytes> {
        // The calendar's number is taken before the look: what is booked meanwhile makes the answer stale.
        let moment = Moment { at: self.clock.timestamp(), calendar: self.flow.store().calendar() };
        let cell = self.answers.cell(translate::slot_cache_key(tenant, &query), moment);
        cell.get_or_try_init(|| self.breaker.call(self.look_up(query))).await.cloned()
    }

    async fn look_up(&self, query: SlotQuery) -> Result<Bytes> {
        let (flow, now) = (self.flow.clone(), self.clock.timestamp());
        // The search goes where the query goes, off the threads that answer everybody else.
        let search = self.flow.store().read(move |db| {
            let booked = |candidates: &[&str]| appointments::bookings(db, candidates.iter().copied(), now);
            let found = search::search(query, &flow.settings().technicians, booked, now)?;
            serde_json::to_vec(&found).map_err(|error| Error::from(ErrorKind::Internal).with_source(error))
        });
        let found = tokio::time::timeout(LOOK_UP_TIMEOUT, search).await;
        Ok(found.map_err(|_| TimedOut { after: LOOK_UP_TIMEOUT })??.into())
    }
}

pub(super) async fn availability(
    State(availability): State<Availability>,
    Extension(tenant): Extension<TenantId>,
    JsonBytes(body): JsonBytes,
) -> Result<Response, ApiError> {
    let query = inbound::read_slot_query(&body)?;
    let found = availability.answer(&tenant, query).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], found).into_response())
}
