//! A fifth partner: a parcel carrier that tells when a spare part arrives.
//!
//! The adapter says what the carrier's words mean; [`stack`] puts every protection around the way to it. Here the
//! way is a function, so that the example runs alone; in earnest it is a `ReqwestClient`.
//!
//! `cargo run --example new_adapter`

use std::{sync::atomic::AtomicU32, sync::atomic::Ordering::Relaxed};

use async_trait::async_trait;
use bytes::Bytes;
use fsm_integration_core::{
    adapter::{
        AdapterId, AdapterService, Call, CorrelationId, ExternalResponse, IntegrationAdapter, IntegrationContext,
        TenantId,
    },
    clock::{SystemClock, WallClock},
    error::{Error, ErrorKind, FieldErrors, Result},
    http_client::{HttpRequest, HttpResponse, HttpService},
    observe::health::HealthStatus,
    profile::{Handles, Profile, stack},
};
use jiff::civil::Date;
use serde::Deserialize;
use tower::{ServiceExt, service_fn};

/// Where is the parcel with this number?
struct Track {
    parcel: String,
}

/// It arrives on this day.
#[derive(Debug)]
struct Arrival {
    day: Date,
}

/// The carrier's answer, as it is.
#[derive(Deserialize)]
struct WireParcel {
    estimated_delivery: Date,
}

struct Carrier {
    id: AdapterId,
    version: semver::Version,
    client: HttpService,
}

impl Carrier {
    fn new(id: AdapterId, client: HttpService) -> Self {
        Self { id, version: semver::Version::new(1, 0, 0), client }
    }

    async fn get(&self, path: &str, by: &str) -> Result<ExternalResponse> {
        let request = http::Request::get(format!("https://api.carrier.example{path}"))
            .header("x-correlation-id", by)
            .body(Bytes::new())
            .map_err(|error| Error::from(ErrorKind::InvalidRequest).with_source(error))?;
        let answer = self.client.clone().oneshot(request).await?;
        Ok(ExternalResponse { status: answer.status().as_u16(), body: answer.into_body() })
    }
}

#[async_trait]
impl IntegrationAdapter for Carrier {
    type Request = Track;
    type Response = Arrival;

    fn id(&self) -> &AdapterId {
        &self.id
    }

    fn version(&self) -> &semver::Version {
        &self.version
    }

    fn validate(&self, request: &Track) -> Result<(), FieldErrors> {
        let mut errors = FieldErrors::default();
        if request.parcel.is_empty() || !request.parcel.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            errors.push("parcel", "must be letters and digits");
        }
        errors.into_result()
    }

    async fn execute(&self, request: &Track, context: &IntegrationContext) -> Result<Arrival> {
        self.transform(self.get(&format!("/parcels/{}", request.parcel), context.correlation_id.as_str()).await?)
    }

    fn transform(&self, answer: ExternalResponse) -> Result<Arrival> {
        Ok(Arrival { day: answer.json::<WireParcel>()?.estimated_delivery })
    }

    async fn health_check(&self) -> HealthStatus {
        match self.get("/status", "health").await {
            Ok(_) => HealthStatus::healthy(),
            Err(error) => HealthStatus::unhealthy(error.to_string()),
        }
    }
}

/// The carrier's side: unavailable at first, then it knows.
async fn carrier(_: HttpRequest) -> Result<HttpResponse> {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    match ASKED.fetch_add(1, Relaxed) {
        0 => Err(ErrorKind::Unavailable.into()),
        _ => Ok(HttpResponse::new(Bytes::from_static(br#"{"estimated_delivery":"2026-03-02"}"#))),
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let id = AdapterId::new("carrier").expect("a valid id");
    let config = Profile::SalesSystem.config();
    let handles = Handles::new(id.as_str(), "1.0.0", &config);
    let client = HttpService::new(stack(&config, &handles, service_fn(carrier)));
    let service = AdapterService::new(Carrier::new(id, client));

    let ask = |parcel: &str| {
        let tenant = TenantId::new("demo").expect("a valid id");
        let context = IntegrationContext::system(tenant, CorrelationId::random(), SystemClock.timestamp());
        service.clone().oneshot(Call { request: Track { parcel: parcel.to_owned() }, context })
    };
    println!("arrives on {}", ask("JD014600003SE").await?.day);
    let refused = ask("no such parcel").await.expect_err("spaces");
    println!("refused before it was sent: {refused}: {:?}", refused.details());
    println!("the breaker is {:?}", handles.breaker.state());
    Ok(())
}
