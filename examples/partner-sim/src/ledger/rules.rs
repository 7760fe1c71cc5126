//! What a partner would complain about, one rule a function.

use std::collections::{BTreeMap, BTreeSet};

use super::{Delivery, Ledger, OrderRecord};
use crate::sales;

pub(super) fn violations(ledger: &Ledger) -> Vec<String> {
    let mut found = ledger.findings.clone();
    for order in ledger.orders.values() {
        told_once(order, &mut found);
        one_identity(order, &mut found);
        outcome_of_the_appointment(order, &mut found);
        traceable(order, &mut found);
    }
    one_invoice_an_order(ledger, &mut found);
    one_push_a_day(ledger, &mut found);
    found
}

/// Final facts have one id for ever; a status may change, but the same news never has two ids.
fn told_once(order: &OrderRecord, found: &mut Vec<String>) {
    let named = |text| format!("order {} has {text}", name(order));
    several(order.appointments.iter().map(|one| &*one.webhook_id), &named("appointment callbacks"), found);
    several(order.outcomes.iter().map(|one| &*one.webhook_id), &named("outcome webhooks"), found);
    several(order.outcomes.iter().filter_map(|one| one.event_id.as_deref()), &named("outcome events"), found);
    several(order.cancellations.iter().map(|one| &*one.webhook_id), &named("cancellations"), found);
    for list in [&order.statuses, &order.modifications] {
        let mut ids_by_body: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for one in list {
            ids_by_body.entry(&one.fingerprint).or_default().push(&one.webhook_id);
        }
        for ids in ids_by_body.into_values() {
            several(ids.into_iter(), &named("ids of one and the same news"), found);
        }
    }
}

fn one_identity(order: &OrderRecord, found: &mut Vec<String>) {
    let order_ids = || order.deliveries().filter_map(|one| one.order_id.as_deref());
    several(order_ids(), &format!("order {} has order ids", name(order)), found);
    let appointment_ids = order.appointments.iter().filter_map(|one| one.appointment_id.as_deref());
    several(appointment_ids, &format!("order {} has appointment ids", name(order)), found);

    let expected = sales::order_id(&order.key.tenant, order.key.system, &order.key.external_order_id);
    let foreign = |one: &&Delivery| {
        one.tenant_named && one.order_id.as_deref().is_some_and(|id| !id.eq_ignore_ascii_case(&expected))
    };
    if let Some(id) = order.deliveries().find(foreign).and_then(|one| one.order_id.as_deref()) {
        found.push(format!("order {} is called {id}, but its identity gives {expected}", name(order)));
    }
}

fn outcome_of_the_appointment(order: &OrderRecord, found: &mut Vec<String>) {
    let told: BTreeSet<&str> = order.appointments.iter().filter_map(|one| one.appointment_id.as_deref()).collect();
    let foreign = |id: &&str| !told.is_empty() && !told.contains(id);
    for id in order.outcomes.iter().filter_map(|one| one.appointment_id.as_deref()).filter(foreign) {
        found.push(format!("order {} has an outcome of appointment {id}, which was never told", name(order)));
    }
}

fn traceable(order: &OrderRecord, found: &mut Vec<String>) {
    for one in order.deliveries().filter(|one| one.correlation_id.is_none()) {
        found.push(format!("webhook id {} came without X-Correlation-ID", one.webhook_id));
    }
}

fn one_invoice_an_order(ledger: &Ledger, found: &mut Vec<String>) {
    let mut by_order: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for invoice in &ledger.invoices {
        if let Some(order) = &invoice.order_reference {
            by_order.entry(order).or_default().push(&invoice.unique_id);
        }
    }
    for (order, invoices) in by_order {
        several(invoices.into_iter(), &format!("order {order} has invoices"), found);
    }
}

fn one_push_a_day(ledger: &Ledger, found: &mut Vec<String>) {
    let mut by_day: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for push in &ledger.pushes {
        *by_day.entry((&push.location_id, &push.date)).or_default() += 1;
    }
    for ((location, date), count) in by_day.into_iter().filter(|(_, count)| *count > 1) {
        found.push(format!("location {location} has {count} accepted pushes of {date}"));
    }
}

fn several<'a>(ids: impl Iterator<Item = &'a str>, what: &str, found: &mut Vec<String>) {
    let distinct: BTreeSet<&str> = ids.collect();
    if distinct.len() > 1 {
        found.push(format!("{what}: {}", distinct.into_iter().collect::<Vec<_>>().join(", ")));
    }
}

fn name(order: &OrderRecord) -> String {
    format!("{}/{}/{}", order.key.tenant, order.key.system, order.key.external_order_id)
}
