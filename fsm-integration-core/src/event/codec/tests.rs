use uuid::Uuid;

use super::*;
use crate::{
    adapter::{CorrelationId, TenantId},
    event::catalogue::{EventMeta, ServiceOrderCreated, SourceSystem},
};

fn created() -> ServiceOrderCreated {
    ServiceOrderCreated {
        meta: EventMeta {
            event_id: Uuid::from_u128(1),
            event_timestamp: "2025-01-20T09:00:00.123Z".parse().unwrap(),
            correlation_id: CorrelationId::new("c-1").unwrap(),
            tenant_id: TenantId::new("demo").unwrap(),
            sequence: 1,
        },
        service_order_id: Uuid::from_u128(2),
        project_id: Uuid::from_u128(3),
        service_type: "INSTALLATION".into(),
        country_code: "US".into(),
        bu_code: "BU".into(),
        estimated_duration_min: 120,
        requires_confirmation_tv: false,
        depends_on_order_id: None,
        source_system: Some(SourceSystem::Pyxis),
        external_order_id: Some("PX-TEST-001".into()),
    }
}

#[test]
fn an_event_survives_the_trip_through_bytes() {
    let codec = AvroCodec::bundled();
    let bytes = codec.encode(&created()).unwrap();
    assert_eq!(codec.decode::<ServiceOrderCreated>(&bytes), Ok(created()));
}
