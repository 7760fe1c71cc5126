use fsm_integration_core::adapter::fields::{FieldReader, id, note, object, one_of, timestamp};

use super::order::{customer, scheduling_preferences, service_address};
use crate::wire::{SalesChange, SalesSystem, SalesWebhook};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Happened {
    Updated,
    Cancelled,
}

const HAPPENED: &[(&str, Happened)] = &[("ORDER_UPDATED", Happened::Updated), ("ORDER_CANCELLED", Happened::Cancelled)];

pub(super) fn sales_webhook(system: SalesSystem, body: &FieldReader<'_>) -> SalesWebhook {
    // The signature proves who speaks; a body that says otherwise is a mistake of the sender.
    let claimed = body.optional("salesSystem", one_of(SalesSystem::WORDS));
    if body.is_sound("salesSystem") && claimed.is_some_and(|claimed| claimed != system) {
        body.error("salesSystem", format!("must be {system} on this route"));
    }
    SalesWebhook {
        event_id: body.required("eventId", id()),
        timestamp: body.required("timestamp", timestamp()),
        sales_system: system,
        external_order_id: body.required("externalOrderId", id()),
        change: match body.required("eventType", one_of(HAPPENED)) {
            Happened::Cancelled => SalesChange::Cancelled { reason: body.required("reason", note(2_000)).into() },
            Happened::Updated => updated(body),
        },
    }
}

fn updated(body: &FieldReader<'_>) -> SalesChange {
    const CHANGEABLE: [&str; 3] = ["customer", "serviceAddress", "schedulingPreferences"];
    if body.is_sound("eventType") && !CHANGEABLE.iter().any(|name| body.has(name)) {
        body.error_here(format!("needs at least one of {}", CHANGEABLE.join(", ")));
    }
    SalesChange::Updated {
        customer: body.optional(CHANGEABLE[0], object(customer)).map(Box::new),
        service_address: body.optional(CHANGEABLE[1], object(service_address)).map(Box::new),
        scheduling_preferences: body.optional(CHANGEABLE[2], object(scheduling_preferences)).map(Box::new),
    }
}
