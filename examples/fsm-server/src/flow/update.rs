//! A sales system changes an order that it sent: what could not be booked is booked, what is booked an operator sees.

use fsm_adapters_sales::{
    translate,
    wire::{SalesChange, SalesWebhook},
};
use fsm_integration_core::{
    error::Result,
    event::catalogue::{OrderData, ServiceOrderUnblocked},
    sqlite::Tx,
};

use super::Flow;
use crate::store::{
    appointments,
    orders::{self, Order, Status},
    source,
};

/// The type of the operator's task, and why an order is booked anew.
const ORDER_UPDATED: &str = "ORDER_UPDATED";

impl Flow {
    /// Changes what was ordered; an order that has ended stays as it is.
    ///
    /// An order that has no appointment because its address was wrong or no slot was free is booked anew; the
    /// appointment of one that has, only somebody who talks to the customer can move.
    pub(super) fn update(&self, tx: &Tx<'_>, mut order: Order, webhook: &SalesWebhook) -> Result<()> {
        if order.status.is_final() {
            return Ok(());
        }
        change(&mut order.data, &webhook.change);
        order.country_code.clone_from(&order.data.service_address.country);
        orders::set_data(tx, order.id, &order.data)?;
        match (order.status, appointments::of_order(tx, order.id)?) {
            (_, Some(_)) => self.show_update(tx, &order, &webhook.event_id),
            (Status::Created, None) => self.book_anew(tx, &order, &webhook.event_id),
            // It waits for a visit, and is booked with the new data after that.
            (_, None) => Ok(()),
        }
    }

    fn show_update(&self, tx: &Tx<'_>, order: &Order, event_id: &str) -> Result<()> {
        let reason = "the sales system changed the order after its appointment was made";
        if !self.ask_operator_again(tx, order, ORDER_UPDATED, event_id, reason)? {
            return Ok(());
        }
        orders::note(tx, order.id, order.status.as_str(), Some(reason), self.store().now())
    }

    fn book_anew(&self, tx: &Tx<'_>, order: &Order, event_id: &str) -> Result<()> {
        let which = format!("{ORDER_UPDATED}/{event_id}");
        let unblocked = ServiceOrderUnblocked {
            meta: order.next_event_of::<ServiceOrderUnblocked>(tx, &which, self.store().now())?,
            service_order_id: order.id,
            project_id: Some(order.project_id()),
            country_code: order.country_code.clone(),
            reason: ORDER_UPDATED.to_owned(),
            unblocked_by_order_id: None,
        };
        self.store().publish(tx, &unblocked, source::ORCHESTRATION)
    }
}

fn change(data: &mut OrderData, change: &SalesChange) {
    let SalesChange::Updated { customer, service_address, scheduling_preferences } = change else { return };
    if let Some(customer) = customer {
        data.customer = translate::customer((**customer).clone());
    }
    if let Some(address) = service_address {
        data.service_address = translate::service_address((**address).clone());
    }
    if let Some(preferences) = scheduling_preferences {
        data.scheduling_preferences = Some(translate::scheduling_preferences((**preferences).clone()));
    }
}
