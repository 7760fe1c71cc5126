use std::time::Duration;

use fsm_integration_core::{
    clock::WallClock,
    error::{Error, ErrorKind, Result},
};
use jiff::{ToSpan, civil::time, tz::TimeZone};
use partner_sim::{
    Fault, FaultKind,
    sales::{order, sample_order},
};
use serde_json::{Value, json};

use super::{
    print::Printer,
    setup::{LOCATION, World, ZONE},
};

/// The order of seed 000.
const ORDER: &str = "PX-TEST-001";

/// Tells the story of spec section 7, one journey after the other.
pub(super) async fn tell(world: &World, printer: &Printer) -> Result<()> {
    let journey = intake(world, printer).await?;
    appointment(world, printer, &journey).await?;
    let job = ticket_and_job(world, printer, &journey).await?;
    execution(world, printer, &journey, &job).await?;
    outcome(world, printer, &journey).await?;
    invoice(world, printer, &journey).await?;
    technical_visit(world, printer).await?;
    no_slot(world, printer).await?;
    dead_letter(world, printer).await?;
    back_office(world, printer).await
}

/// An order on its way.
struct Journey {
    order_id: String,
    correlation_id: String,
}

async fn intake(world: &World, printer: &Printer) -> Result<Journey> {
    let journey = send(world, sample_order()).await?;
    printer.step("order intake", &format!("202 RECEIVED, order {}", journey.order_id), &journey.correlation_id);
    let again = send(world, sample_order()).await?;
    ensure(again.order_id == journey.order_id, "the same order again is the same order")?;
    printer.step("the same order again", "202 with the stored answer, nothing is done twice", &journey.correlation_id);
    Ok(journey)
}

async fn appointment(world: &World, printer: &Printer, journey: &Journey) -> Result<()> {
    let told = world.partner_saw("the appointment callback", ORDER, |seen| seen.appointments.first().cloned()).await?;
    let appointment = &told.body["appointment"];
    let text = |name: &str| appointment[name].as_str().unwrap_or_default().to_owned();
    let how = format!("{} at {}", text("technicianName"), text("scheduledStart"));
    printer.step("appointment booked", &how, &journey.correlation_id);
    let how = "signed; both signatures verified by Pyxis";
    printer.step("callback acknowledged", how, &journey.correlation_id);
    Ok(())
}

async fn ticket_and_job(world: &World, printer: &Printer, journey: &Journey) -> Result<String> {
    let id = &journey.order_id;
    world.post(&format!("/api/v1/sales/orders/{id}/complete"), json!({})).await?;
    printer.step("sales order completed", "order.completed published", &journey.correlation_id);
    let job = world
        .until("the field job", async || {
            let jobs = world.get(&format!("/api/v1/jobs?orderId={id}")).await.ok()?;
            jobs["jobs"].as_array()?.first().cloned()
        })
        .await?;
    let tickets = world.get(&format!("/api/v1/ticketing/tickets?orderId={id}")).await?;
    let number = tickets["tickets"][0]["ticketNumber"].as_str().unwrap_or_default().to_owned();
    let trail = world.get(&format!("/api/v1/audit-logs?correlationId={}", journey.correlation_id)).await?;
    let actions: Vec<_> = trail["auditLogs"].as_array().into_iter().flatten().map(|row| &row["action"]).collect();
    ensure(actions.len() == 2, "two audit rows, one for the ticket and one for the job")?;
    printer.step(
        "ticket and field job",
        &format!("{number}, job and two audit rows by the system"),
        &journey.correlation_id,
    );
    Ok(job["id"].as_str().unwrap_or_default().to_owned())
}

async fn execution(world: &World, printer: &Printer, journey: &Journey, job: &str) -> Result<()> {
    let gps = json!({"gps": {"lat": 37.789, "lng": -122.394}});
    world.post(&format!("/api/v1/jobs/{job}/check-in"), gps).await?;
    printer.step("technician checks in", "the order is in progress", &journey.correlation_id);
    world.clock.advance(Duration::from_secs(110 * 60));
    let left = world.post(&format!("/api/v1/jobs/{job}/check-out"), json!({"completed": true})).await?;
    printer.step("technician checks out", "110 minutes later; the closing form is sent", &journey.correlation_id);
    world.sim.inject(Fault::once("/pyxis/webhooks/installation-outcome", FaultKind::LostAnswer));
    world.sim.inject(Fault::once("/oracle", FaultKind::too_many(1)));
    world.sim.inject(Fault {
        on: partner_sim::RouteMatch { method: Some("POST".to_owned()), ..partner_sim::RouteMatch::path("/oracle") },
        ..Fault::once("/oracle", FaultKind::LostAnswer)
    });
    let form = left["wcf"]["id"].as_str().unwrap_or_default();
    world.post(&format!("/api/v1/wcfs/{form}/sign"), json!({"accepted": true, "reserves": []})).await?;
    printer.step("customer signs", "without reserves: the order closes", &journey.correlation_id);
    Ok(())
}

async fn outcome(world: &World, printer: &Printer, journey: &Journey) -> Result<()> {
    let acknowledged = || acknowledged(world, journey, "sales-installation-outcome");
    world.until("the outcome to be acknowledged", acknowledged).await?;
    let outcome = world.partner_saw("the outcome", ORDER, |seen| seen.outcomes.first().cloned()).await?;
    ensure(outcome.copies > 1, "the outcome is sent again after its answer was lost")?;
    let how = format!("{}; the first answer was lost, sent again under the same id", outcome.body["outcome"]);
    printer.step("outcome acknowledged", &how, &journey.correlation_id);
    Ok(())
}

async fn invoice(world: &World, printer: &Printer, journey: &Journey) -> Result<()> {
    // The ERP answered 429, then its answer was lost: the durable schedule goes on, and its time is the clock's.
    let acknowledged = async || {
        let done = acknowledged(world, journey, "provider-invoice").await;
        if done.is_none() {
            world.clock.advance(Duration::from_secs(1));
        }
        done
    };
    let number = world.until("the provider's invoice", acknowledged).await?;
    let invoices = world.sim.with_ledger(|ledger| ledger.invoices.clone());
    let made: Vec<_> = invoices.iter().filter(|invoice| invoice.number == number).collect();
    ensure(made.len() == 1, "the ERP holds one invoice for the order")?;
    let how = format!(
        "{number}, {} {}; after a 429 and a lost answer, found and not made twice",
        made[0].amount, made[0].currency
    );
    printer.step("provider invoiced", &how, &journey.correlation_id);
    Ok(())
}

async fn technical_visit(world: &World, printer: &Printer) -> Result<()> {
    for (n, outcome) in [(11, "YES"), (12, "YES_BUT"), (13, "NO")] {
        let mut body = order(n);
        body["salesSystem"] = json!("PYXIS");
        body["externalOrderId"] = json!(format!("PX-VISIT-{outcome}"));
        body["metadata"] = json!({"requiresTechnicalVisit": "true"});
        let name = format!("PX-VISIT-{outcome}");
        let journey = send(world, body).await?;
        world.until("the blocked order", async || state(world, &journey, "BLOCKED").await).await?;
        let mut found = json!({"outcome": outcome});
        if outcome == "YES_BUT" {
            found["modifications"] = json!([{"description": "a longer cable", "extraDurationMin": 30}]);
        }
        world.post(&format!("/api/v1/service-orders/{}/tv-outcome", journey.order_id), found).await?;
        let how = match outcome {
            "YES" => {
                world.partner_saw("its appointment", &name, |seen| seen.appointments.first().cloned()).await?;
                "the installation is unblocked and booked"
            }
            "YES_BUT" => {
                world.partner_saw("its modifications", &name, |seen| seen.modifications.first().cloned()).await?;
                "modifications sent to Pyxis for a new price"
            }
            _ => {
                world.partner_saw("its cancellation", &name, |seen| seen.cancellations.first().cloned()).await?;
                "the installation is cancelled, Pyxis refunds"
            }
        };
        printer.step(&format!("technical visit {outcome}"), how, &journey.correlation_id);
    }
    Ok(())
}

async fn no_slot(world: &World, printer: &Printer) -> Result<()> {
    let mut body = sample_order();
    body["externalOrderId"] = json!("PX-NO-SKILL");
    body["requiredSkills"] = json!(["UNDERWATER_WELDING"]);
    let journey = send(world, body).await?;
    let told =
        world.partner_saw("what stands in the way", "PX-NO-SKILL", |seen| seen.statuses.first().cloned()).await?;
    let how = format!("{}; an operator task, the order stays", told.body["errors"][0]["code"]);
    printer.step("nobody can do it", &how, &journey.correlation_id);
    Ok(())
}

async fn dead_letter(world: &World, printer: &Printer) -> Result<()> {
    world.sim.inject(Fault::once("/pyxis/callback/appointment-scheduled", FaultKind::status(400)));
    let mut body = sample_order();
    body["externalOrderId"] = json!("PX-DEAD-LETTER");
    let journey = send(world, body).await?;
    let letter = world
        .until("the dead letter", async || {
            let letters = world.operate("/admin/dead-letters?status=open", None).await.ok()?;
            let found =
                letters["deadLetters"].as_array()?.iter().find(|it| it["correlationId"] == journey.correlation_id)?;
            Some(found["id"].as_str()?.to_owned())
        })
        .await?;
    printer.step(
        "callback refused: 400",
        "not retried: a dead letter, with its bytes, key and headers",
        &journey.correlation_id,
    );
    world.operate(&format!("/admin/dead-letters/{letter}/replay"), Some(json!({}))).await?;
    world.partner_saw("the replayed callback", "PX-DEAD-LETTER", |seen| seen.appointments.first().cloned()).await?;
    printer.step("dead letter replayed", "the same callback under the same id, acknowledged", &journey.correlation_id);
    Ok(())
}

async fn back_office(world: &World, printer: &Printer) -> Result<()> {
    let zone = TimeZone::get(ZONE).expect("the time zone database is part of the program");
    let today = world.clock.timestamp().to_zoned(zone.clone()).date();
    world.sim.inject(Fault::once("/conexxus/api/v1/sales/push", FaultKind::unavailable(1)));
    world.clock.advance(Duration::from_secs(61 * 60));
    let run = world
        .until("the hourly sync", async || {
            let metrics = world.get("/integrations/conexxus/metrics").await.ok()?;
            (metrics["latest"]["itemsProcessed"].as_u64()? > 0).then(|| metrics["latest"].clone())
        })
        .await?;
    let how = format!(
        "{} items, {} taken, {} refused by name",
        run["itemsProcessed"], run["itemsSucceeded"], run["itemsFailed"]
    );
    printer.step("hourly inventory sync", &how, "-");
    // The first push that is due lies within the next day.
    let due = today.to_datetime(time(23, 30, 0, 0)).to_zoned(zone).map_err(internal)?;
    let due = due.timestamp().checked_add(1.minutes()).map_err(internal)?;
    world.clock.advance_to(due);
    let date = world
        .until("the daily push", async || {
            world.sim.with_ledger(|ledger| ledger.pushes.iter().find(|push| push.location_id == LOCATION).cloned())
        })
        .await?;
    let how = format!("business day {}, {} transactions; after a 503", date.date, date.transactions);
    printer.step("daily sales push 23:30", &how, "-");
    Ok(())
}

/// A sales system posts an order.
async fn send(world: &World, body: Value) -> Result<Journey> {
    let answer = world
        .sales_system()
        .post_order(&body)
        .await
        .map_err(|error| Error::new(ErrorKind::Unavailable, "the order could not be posted").with_source(error))?;
    if answer.status != 202 {
        return Err(Error::new(ErrorKind::Internal, format!("intake answered {}: {}", answer.status, answer.body)));
    }
    let text = |pointer: &str| answer.text(pointer).unwrap_or_default().to_owned();
    Ok(Journey { order_id: text("/orderId"), correlation_id: text("/correlationId") })
}

/// What a partner acknowledged about an order, once it has.
async fn acknowledged(world: &World, journey: &Journey, kind: &str) -> Option<String> {
    let order = world.get(&format!("/api/v2/orders/{}", journey.order_id)).await.ok()?;
    let entry = order["acknowledgements"].as_array()?.iter().find(|entry| entry["kind"] == kind)?;
    Some(entry["reference"].as_str()?.to_owned())
}

async fn state(world: &World, journey: &Journey, status: &str) -> Option<()> {
    let order = world.get(&format!("/api/v2/orders/{}", journey.order_id)).await.ok()?;
    (order["status"] == status).then_some(())
}

fn ensure(holds: bool, what: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::new(ErrorKind::Internal, format!("this does not hold: {what}"))) }
}

fn internal(error: jiff::Error) -> Error {
    Error::from(ErrorKind::Internal).with_source(error)
}
