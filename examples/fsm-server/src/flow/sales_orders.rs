//! Orders of the workflow of seed 003, which come from no sales system.

use fsm_integration_core::{
    adapter::{CorrelationId, TenantId},
    error::{Error, ErrorKind, Result},
    event::{
        catalogue::{OrderData, OrderStatus, SourceSystem},
        derived_id,
    },
};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{Flow, orchestration::tell_status};
use crate::store::{
    once::{Made, Once, to_body},
    orders::{self, Order, Status},
};

/// The order's metadata that names the company that ordered.
pub const COMPANY: &str = "company";
/// The order's metadata that names what was provisioned.
pub const DEPLOYMENT: &str = "deploymentInstanceId";

/// A sales order that somebody enters.
#[derive(Debug, Clone)]
pub struct NewSalesOrder {
    /// The number that people know it by; one order has it.
    pub number: String,
    /// What is ordered.
    pub data: OrderData,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Created<'a> {
    order_id: Uuid,
    order_number: &'a str,
    status: Status,
    correlation_id: &'a CorrelationId,
    created_at: Timestamp,
}

impl Flow {
    /// Enters a sales order; nothing is booked for it, its completion brings the ticket and the job.
    ///
    /// # Errors
    /// `DuplicateOrder` when its number is taken, or the key is known with other content.
    pub async fn create_sales_order(
        &self,
        tenant: &TenantId,
        correlation_id: CorrelationId,
        new: NewSalesOrder,
        once: Option<Once>,
    ) -> Result<Made> {
        let (flow, now) = (self.clone(), self.store().now());
        let source_system = SourceSystem::Custom;
        let order = Order {
            id: derived_id([tenant.as_str(), source_system.as_str(), &new.number]),
            tenant: tenant.clone(),
            source_system,
            external_order_id: new.number,
            status: Status::Created,
            country_code: new.data.service_address.country.clone(),
            correlation_id,
            received_at: now,
            data: new.data,
        };
        self.store()
            .create(once, move |tx| {
                if !orders::insert(tx, &order, now)? {
                    return Err(Error::new(ErrorKind::DuplicateOrder, "there is an order with this orderNumber"));
                }
                tell_status(&flow, tx, &order, OrderStatus::Created, now)?;
                to_body(&Created {
                    order_id: order.id,
                    order_number: &order.external_order_id,
                    status: order.status,
                    correlation_id: &order.correlation_id,
                    created_at: now,
                })
            })
            .await
    }
}
