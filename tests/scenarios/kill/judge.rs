use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use partner_sim::{
    Ledger,
    ledger::{Invoice, OrderRecord},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    api::{Api, PAUSE, Refused},
    driver::{Accepted, Driver},
    world::{TENANT, World},
};

/// How long everything may take to settle once nobody kills any more.
const SETTLE: Duration = Duration::from_secs(120);
/// How many orders are looked up at once.
const AT_ONCE: usize = 16;

/// How many orders have reached every partner.
pub(super) fn settled(ledger: &Ledger, accepted: &[Accepted]) -> usize {
    let invoices = invoices(ledger);
    let all_told = |order: &&Accepted| {
        let told = |seen: &OrderRecord| !seen.appointments.is_empty() && !seen.outcomes.is_empty();
        ledger.order(TENANT, &order.external_order_id).is_some_and(told) && invoices.contains_key(&*order.order_id)
    };
    accepted.iter().filter(all_told).count()
}

/// Waits until nothing more happens, then says everything that is not exactly once.
pub(super) async fn settle_and_judge(world: &World, mut driver: Driver) -> Vec<String> {
    world.sim.clear_faults();
    let api = world.api();
    let mut complaints = Vec::new();
    if tokio::time::timeout(SETTLE, settle(world, &api, &mut driver)).await.is_err() {
        let accepted = driver.accepted();
        let reached = world.sim.with_ledger(|ledger| settled(ledger, &accepted));
        complaints.push(format!("only {reached} of {} orders reached every partner in {SETTLE:?}", accepted.len()));
    }
    complaints.extend(driver.complaints());
    let (accepted, ledger) = (driver.accepted(), world.sim.ledger());
    complaints.extend(of_the_partners(&ledger, &accepted));
    complaints.extend(of_the_server(&api).await.unwrap_or_else(|refused| vec![refused.to_string()]));
    let invoices = invoices(&ledger);
    for some in accepted.chunks(AT_ONCE) {
        let mut looks = JoinSet::new();
        for order in some {
            let paid = invoices.get(&*order.order_id).map(Vec::as_slice).unwrap_or_default();
            let seen = Seen::of(ledger.order(TENANT, &order.external_order_id), paid);
            looks.spawn(judge(api.clone(), order.clone(), seen));
        }
        complaints.extend(looks.join_all().await.into_iter().flatten());
    }
    complaints
}

async fn settle(world: &World, api: &Api, driver: &mut Driver) {
    driver.finish().await;
    let accepted = driver.accepted();
    while world.sim.with_ledger(|ledger| settled(ledger, &accepted)) < accepted.len() {
        tokio::time::sleep(PAUSE).await;
    }
    // A refusal is met again, and named, when the server is judged.
    let _ = api.until("/admin/consumers", idle).await;
}

/// Every group has settled every event.
fn idle(groups: &Value) -> Option<()> {
    let groups = groups["consumers"].as_array()?;
    (!groups.is_empty() && groups.iter().all(|group| group["lag"] == 0)).then_some(())
}

/// What all orders together have to be like at the partners' side.
fn of_the_partners(ledger: &Ledger, accepted: &[Accepted]) -> Vec<String> {
    let mut complaints = ledger.violations();
    let ids: BTreeSet<_> = accepted.iter().map(|order| &order.order_id).collect();
    let counts = [
        ("different order ids", ids.len()),
        ("orders known to the sales systems", ledger.orders.len()),
        ("invoices in the ERP", ledger.invoices.len()),
    ];
    for (what, count) in counts {
        if count != accepted.len() {
            complaints.push(format!("{} orders were accepted, but there are {count} {what}", accepted.len()));
        }
    }
    let refused = |rejection: &partner_sim::ledger::Rejection| format!("a sales system refused: {}", rejection.reason);
    complaints.extend(ledger.rejected.iter().map(refused));
    complaints
}

/// What must not be left over at the server.
async fn of_the_server(api: &Api) -> Result<Vec<String>, Refused> {
    let letters = api.get("/admin/dead-letters?status=open").await?;
    let open = letters["deadLetters"].as_array().cloned().unwrap_or_default();
    let mut complaints: Vec<_> = open.iter().map(|letter| format!("an open dead letter: {letter}")).collect();
    let groups = api.get("/admin/consumers").await?;
    if idle(&groups).is_none() {
        complaints.push(format!("the consumer groups are not done: {groups}"));
    }
    Ok(complaints)
}

/// Of what, how many there are, how many there have to be.
type Count = (&'static str, usize, usize);

/// What the partners know of one order.
struct Seen {
    counts: [Count; 4],
    order_id: Option<String>,
    appointment_id: Option<String>,
    /// What the server has to have noted: kind, and the webhook's id or the invoice's number.
    acknowledged: BTreeSet<(String, String)>,
}

impl Seen {
    fn of(record: Option<&OrderRecord>, paid: &[&Invoice]) -> Self {
        let (callbacks, outcomes) = record.map(|it| (&*it.appointments, &*it.outcomes)).unwrap_or_default();
        let others = record.map_or(0, |it| it.statuses.len() + it.cancellations.len() + it.modifications.len());
        let acknowledged = callbacks
            .iter()
            .map(|one| ("sales-appointment-callback", &one.webhook_id))
            .chain(outcomes.iter().map(|one| ("sales-installation-outcome", &one.webhook_id)))
            .chain(paid.iter().map(|one| ("provider-invoice", &one.number)))
            .map(|(kind, reference)| (kind.to_owned(), reference.clone()))
            .collect();
        let callback = callbacks.first();
        Self {
            counts: [
                ("callback ids", callbacks.len(), 1),
                ("outcome ids", outcomes.len(), 1),
                ("invoices", paid.len(), 1),
                ("messages besides these", others, 0),
            ],
            order_id: callback.and_then(|one| one.order_id.clone()),
            appointment_id: callback.and_then(|one| one.appointment_id.clone()),
            acknowledged,
        }
    }
}

/// Everything about one order that is not exactly once, at the partners and at the server.
async fn judge(api: Api, order: Accepted, seen: Seen) -> Vec<String> {
    let found = look(&api, &order, &seen).await.unwrap_or_else(|refused| vec![refused.to_string()]);
    found.into_iter().map(|what| format!("order {}: {what}", order.external_order_id)).collect()
}

async fn look(api: &Api, order: &Accepted, seen: &Seen) -> Result<Vec<String>, Refused> {
    let id = &order.order_id;
    let view = api.get(&format!("/api/v2/orders/{id}")).await?;
    let tickets = api.get(&format!("/api/v1/ticketing/tickets?orderId={id}")).await?;
    let jobs = api.get(&format!("/api/v1/jobs?orderId={id}")).await?;
    let trail = api.get(&format!("/api/v1/audit-logs?correlationId={}", order.correlation_id)).await?;
    let mut complaints = Vec::new();
    let here = [
        ("tickets", length(&tickets["tickets"]), 1),
        ("jobs", length(&jobs["jobs"]), 1),
        ("audit rows", length(&trail["auditLogs"]), 2),
    ];
    for (what, count, should) in here.into_iter().chain(seen.counts) {
        if count != should {
            complaints.push(format!("{count} {what} instead of {should}"));
        }
    }
    let facts = [
        ("the order's id", &view["orderId"], json!(id)),
        ("the id told to the sales system", &json!(seen.order_id), json!(id)),
        ("the appointment", &view["appointment"]["appointmentId"], json!(seen.appointment_id)),
        ("the status", &view["status"], json!("COMPLETED")),
        ("what is wrong with it", &view["errors"], json!([])),
        ("what was acknowledged", &json!(acknowledged(&view)), json!(seen.acknowledged)),
        ("the steps taken twice", &json!(repeated(&view["history"])), json!([])),
    ];
    for (what, is, should) in facts {
        if *is != should {
            complaints.push(format!("{what}: {is} instead of {should}"));
        }
    }
    Ok(complaints)
}

fn acknowledged(view: &Value) -> BTreeSet<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entries = view["acknowledgements"].as_array().into_iter().flatten();
    entries.map(|entry| (text(&entry["kind"]), text(&entry["reference"]))).collect()
}

fn repeated(history: &Value) -> Vec<&Value> {
    let mut seen = BTreeSet::new();
    let steps = history.as_array().into_iter().flatten().map(|step| &step["status"]);
    steps.filter(|status| !seen.insert(status.to_string())).collect()
}

fn length(list: &Value) -> usize {
    list.as_array().map_or(0, Vec::len)
}

fn invoices(ledger: &Ledger) -> HashMap<&str, Vec<&Invoice>> {
    let mut by_order: HashMap<_, Vec<_>> = HashMap::new();
    for invoice in &ledger.invoices {
        by_order.entry(invoice.order_reference.as_deref().unwrap_or_default()).or_default().push(invoice);
    }
    by_order
}
