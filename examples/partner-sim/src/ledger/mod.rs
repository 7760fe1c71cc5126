//! What the partners have seen, and what they would complain about.
//!
//! The ledger is the fold of its [`Entry`]s: the journal keeps those, and a restarted stand-in folds them again.

mod entry;
mod order;
mod rules;
pub(crate) mod store;

use std::collections::{BTreeMap, HashMap};

use serde::{Serialize, Serializer};

pub use entry::{Delivery, Entry, EventKind, Invoice, Push, Rejection};
pub use order::{OrderKey, OrderRecord};

use crate::sales::SalesSystem;

/// How many rejections are kept in full; all are counted.
const KEPT_REJECTIONS: usize = 1000;

/// Everything the stand-ins have accepted, counted and refused.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// What is known of each order, by tenant, external id and system.
    #[serde(serialize_with = "values")]
    pub orders: BTreeMap<OrderKey, OrderRecord>,
    /// Oracle's invoices in order of creation.
    pub invoices: Vec<Invoice>,
    /// Sales pushes that Conexxus accepted, in order of arrival.
    pub pushes: Vec<Push>,
    /// The latest deliveries that were not believed or not understood.
    pub rejected: Vec<Rejection>,
    /// How many deliveries were rejected in all.
    pub rejected_count: u64,
    /// How many deliveries repeated a known webhook id.
    pub duplicate_deliveries: u64,
    /// How many creations were refused because the supplier has such an invoice.
    pub repeated_invoices: u64,
    /// How many pushes repeated a known idempotency key.
    pub repeated_pushes: u64,
    /// Violations that were seen on arrival.
    pub findings: Vec<String>,
    #[serde(skip)]
    webhook_ids: HashMap<(SalesSystem, String), (OrderKey, EventKind, usize)>,
}

impl Ledger {
    /// Returns what is known of an order of a tenant.
    #[must_use]
    pub fn order(&self, tenant: &str, external_order_id: &str) -> Option<&OrderRecord> {
        // Pyxis sorts first, so this is where the order's keys begin.
        let first = OrderKey {
            tenant: tenant.to_owned(),
            external_order_id: external_order_id.to_owned(),
            system: SalesSystem::Pyxis,
        };
        let (key, order) = self.orders.range(first..).next()?;
        (key.tenant == tenant && key.external_order_id == external_order_id).then_some(order)
    }

    /// Lists the orders of all tenants that bear an external id.
    pub fn named<'a>(&'a self, external_order_id: &'a str) -> impl Iterator<Item = &'a OrderRecord> {
        self.orders.values().filter(move |order| order.key.external_order_id == external_order_id)
    }

    /// Lists the accepted pushes of a location's business day.
    pub fn pushes_of<'a>(&'a self, location_id: &'a str, date: &'a str) -> impl Iterator<Item = &'a Push> {
        self.pushes.iter().filter(move |push| push.location_id == location_id && push.date == date)
    }

    /// Finds the invoice of a supplier by its number.
    #[must_use]
    pub fn invoice(&self, supplier: &str, number: &str) -> Option<&Invoice> {
        self.invoices.iter().find(|invoice| invoice.supplier == supplier && invoice.number == number)
    }

    /// Names everything that a partner would complain about.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        rules::violations(self)
    }

    pub(crate) fn knows_webhook(&self, system: SalesSystem, id: &str) -> bool {
        self.webhook_ids.contains_key(&(system, id.to_owned()))
    }

    pub(crate) fn push_with_key(&self, key: &str) -> Option<&Push> {
        self.pushes.iter().find(|push| push.idempotency_key.as_deref() == Some(key))
    }

    pub(crate) fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Delivery(delivery) => self.deliver(delivery),
            Entry::Rejection(rejection) => self.reject(rejection),
            Entry::Invoice(invoice) => self.invoices.push(invoice),
            Entry::InvoiceRepeated { .. } => self.repeated_invoices += 1,
            Entry::Push(push) => self.pushes.push(push),
            Entry::PushRepeated { idempotency_key, fingerprint } => self.repeat_push(&idempotency_key, &fingerprint),
        }
    }

    fn deliver(&mut self, delivery: Delivery) {
        let webhook = (delivery.system, delivery.webhook_id.clone());
        if let Some((key, kind, index)) = self.webhook_ids.get(&webhook) {
            let known = self.orders.get_mut(key).map(|order| &mut order.list_mut(*kind)[*index]);
            let first = known.expect("every known webhook id belongs to a recorded delivery");
            first.copies += 1;
            self.duplicate_deliveries += 1;
            if first.fingerprint != delivery.fingerprint || *kind != delivery.kind {
                self.findings.push(format!("webhook id {} came again with another body", delivery.webhook_id));
            }
            return;
        }
        let key = delivery.order_key();
        let kind = delivery.kind;
        let order = self.orders.entry(key.clone()).or_insert_with(|| OrderRecord::new(key.clone()));
        let list = order.list_mut(kind);
        list.push(delivery);
        self.webhook_ids.insert(webhook, (key, kind, list.len() - 1));
    }

    fn reject(&mut self, rejection: Rejection) {
        self.rejected_count += 1;
        if self.rejected.len() == KEPT_REJECTIONS {
            self.rejected.remove(0);
        }
        self.rejected.push(rejection);
    }

    fn repeat_push(&mut self, idempotency_key: &str, fingerprint: &str) {
        self.repeated_pushes += 1;
        if self.push_with_key(idempotency_key).is_some_and(|first| first.fingerprint != fingerprint) {
            self.findings.push(format!("idempotency key {idempotency_key} came again with another sales push"));
        }
    }
}

fn values<S: Serializer>(orders: &BTreeMap<OrderKey, OrderRecord>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(orders.values())
}
