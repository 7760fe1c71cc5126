use fsm_integration_core::{adapter::TenantId, event::netstrings};
use uuid::Uuid;

use crate::wire::{Order, SalesSystem};

/// The namespace of our order ids.
const NAMESPACE: Uuid = Uuid::from_u128(0xc6e5_e2f0_8b3a_4f9d_9c7e_1a2b_3c4d_5e6f);

/// What makes an order the same order: whose it is, who sold it, and under which id.
///
/// ```
/// use fsm_adapters_sales::{translate::OrderIdentity, wire::SalesSystem};
/// use fsm_integration_core::{adapter::TenantId, event::netstrings};
///
/// let tenant = TenantId::new("demo")?;
/// let identity = OrderIdentity::new(tenant, SalesSystem::Pyxis, "PX-TEST-001");
/// assert_eq!(identity.key(), "4:demo,5:PYXIS,11:PX-TEST-001,");
/// # Ok::<(), fsm_integration_core::adapter::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OrderIdentity {
    /// Whose it is.
    pub tenant: TenantId,
    /// Who sold it.
    pub system: SalesSystem,
    /// The sales system's id.
    pub external_order_id: String,
}

impl OrderIdentity {
    /// Puts the three together.
    pub fn new(tenant: TenantId, system: SalesSystem, external_order_id: impl Into<String>) -> Self {
        Self { tenant, system, external_order_id: external_order_id.into() }
    }

    /// The identity of an order that a tenant's sales system sent.
    #[must_use]
    pub fn of(tenant: &TenantId, order: &Order) -> Self {
        Self::new(tenant.clone(), order.sales_system, order.external_order_id.clone())
    }

    /// The three as netstrings, which no other three make: idempotency key and key on the bus.
    #[must_use]
    pub fn key(&self) -> String {
        netstrings([self.tenant.as_str(), self.system.as_str(), &self.external_order_id])
    }

    /// Our order id: the same for the same order, whenever and wherever it is made (requirement I15).
    #[must_use]
    pub fn order_id(&self) -> Uuid {
        Uuid::new_v5(&NAMESPACE, self.key().as_bytes())
    }

    /// The id of the one event, callback or webhook of this name about this order (requirement I15).
    #[must_use]
    pub fn event_id(&self, name: &str) -> Uuid {
        Uuid::new_v5(&self.order_id(), name.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn identity(tenant: &str, external: &str) -> OrderIdentity {
        OrderIdentity::new(TenantId::new(tenant).unwrap(), SalesSystem::Pyxis, external)
    }

    #[test]
    fn the_order_id_is_the_same_wherever_it_is_made() {
        // Computed with Python's uuid.uuid5.
        let id = identity("demo", "PX-TEST-001").order_id();
        assert_eq!(id.to_string(), "89f610ba-631d-5f9d-b3c7-43fa36d1de38");
    }

    #[test]
    fn f_i1_two_tenants_never_share_an_order() {
        assert_ne!(identity("demo", "1").order_id(), identity("acme", "1").order_id());
    }

    #[test]
    fn a_length_counts_bytes_so_that_no_id_can_imitate_another() {
        assert_eq!(identity("a", "é,5:PYXIS").key(), "1:a,5:PYXIS,10:é,5:PYXIS,");
    }

    #[test]
    fn events_of_one_order_have_different_ids_that_stay() {
        let order = identity("demo", "1");
        assert_eq!(order.event_id("a"), order.event_id("a"));
        assert_ne!(order.event_id("a"), order.event_id("b"));
        assert_ne!(order.event_id("a"), identity("demo", "2").event_id("a"));
    }

    proptest! {
        #[test]
        fn different_ids_make_different_keys(left in "[a-b:,0-9]{1,8}", right in "[a-b:,0-9]{1,8}") {
            prop_assert_eq!(left == right, identity("t", &left).key() == identity("t", &right).key());
        }
    }
}
