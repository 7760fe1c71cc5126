//! Topics whose schema is agreed and which nobody publishes yet.

use super::{TopicSpec, spec::MONTH};
use crate::event::Topic;

const fn agreed(
    name: &'static str,
    schema: &'static str,
    released: &'static [&'static str],
    key: &'static str,
) -> TopicSpec {
    TopicSpec {
        topic: Topic::from_static(name),
        schema,
        released,
        key,
        producers: &[],
        consumers: &[],
        retention: MONTH,
        schema_only: true,
    }
}

pub(super) const PROJECT_CREATED: TopicSpec = agreed(
    "projects.project.created",
    include_str!("../../../schemas/projects.project.created.avsc"),
    &[include_str!("../../../schemas/released/projects.project.created.1.avsc")],
    "{country_code}_{project_id}",
);
pub(super) const OFFER_CREATED: TopicSpec = agreed(
    "assignments.offer.created",
    include_str!("../../../schemas/assignments.offer.created.avsc"),
    &[include_str!("../../../schemas/released/assignments.offer.created.1.avsc")],
    "{provider_id}_{service_order_id}",
);
pub(super) const DATE_NEGOTIATION_FAILED: TopicSpec = agreed(
    "assignments.date_negotiation.failed",
    include_str!("../../../schemas/assignments.date_negotiation.failed.avsc"),
    &[include_str!("../../../schemas/released/assignments.date_negotiation.failed.1.avsc")],
    "{country_code}_{service_order_id}",
);
pub(super) const CONTRACT_SIGNED: TopicSpec = agreed(
    "contracts.contract.signed",
    include_str!("../../../schemas/contracts.contract.signed.avsc"),
    &[include_str!("../../../schemas/released/contracts.contract.signed.1.avsc")],
    "{country_code}_{project_id}",
);
pub(super) const SALES_ORDER_RECEIVED: TopicSpec = agreed(
    "integration.sales.order_received",
    include_str!("../../../schemas/integration.sales.order_received.avsc"),
    &[include_str!("../../../schemas/released/integration.sales.order_received.1.avsc")],
    "{country_code}_{sales_order_id}",
);
pub(super) const PYXIS_ORDER_CREATED: TopicSpec = agreed(
    "sales.pyxis.order.created",
    include_str!("../../../schemas/sales.pyxis.order.created.avsc"),
    &[include_str!("../../../schemas/released/sales.pyxis.order.created.1.avsc")],
    "{country_code}_{pyxis_order_id}",
);
pub(super) const TEMPO_SERVICE_REQUESTED: TopicSpec = agreed(
    "sales.tempo.service.requested",
    include_str!("../../../schemas/sales.tempo.service.requested.avsc"),
    &[include_str!("../../../schemas/released/sales.tempo.service.requested.1.avsc")],
    "{country_code}_{tempo_request_id}",
);
