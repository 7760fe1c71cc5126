use fsm_integration_core::event::dead_letter::DeadLetter;
use jiff::Timestamp;

use super::{
    super::{breakers::Breaker, consumers::Group, flow::Journey, limiters::Limiter},
    html::{Button, ago, pill, table, text},
};
use crate::store::tasks::Task;

pub(super) fn letter(now: Timestamp, letter: &DeadLetter) -> String {
    let replay = Button::new("Replay", &["admin", "dead-letters", &letter.id, "replay"]);
    let discard = Button::new("Discard", &["admin", "dead-letters", &letter.id, "discard"]).notes();
    let replays = if letter.replays > 0 { format!(", replayed {}\u{d7}", letter.replays) } else { String::new() };
    format!(
        "<tr><td>{}</td><td>{}\u{d7}{replays}</td><td>{}</td><td class=\"said\">{}</td><td><code>{}</code></td>\
         <td><code>{}</code></td><td class=\"act\">{replay}{discard}</td></tr>",
        ago(now, letter.failed_at),
        letter.attempts,
        text(letter.tenant.as_deref().unwrap_or("\u{2013}")),
        text(&letter.error_message),
        text(letter.correlation_id.as_deref().unwrap_or("\u{2013}")),
        text(&letter.id),
    )
}

pub(super) fn consumers(groups: &[Group]) -> String {
    let row = |group: &Group| {
        let resume = Button::new("Resume", &["admin", "consumers", &group.group, "resume"])
            .confirms(format!("Has the cause been mended? {} goes on where it stopped.", group.group));
        let (running, stopped) = (group.state == "running", group.state == "stopped");
        let act = if stopped { resume.to_string() } else { String::new() };
        let reason = group.reason.as_ref().map(|why| format!("<br><span class=\"said\">{}</span>", text(why)));
        format!(
            "<tr><td>{}{}</td><td>{}</td><td class=\"number\">{}</td><td class=\"act\">{act}</td></tr>",
            text(&group.group),
            reason.unwrap_or_default(),
            pill(if running { "good" } else { "bad" }, group.state),
            group.lag,
        )
    };
    let rows: Vec<_> = groups.iter().map(row).collect();
    table(&["group", "state", "lag", ""], &rows, "No group is running here.")
}

pub(super) fn breakers(breakers: &[Breaker]) -> String {
    let row = |breaker: &Breaker| {
        let tone = match breaker.state {
            "closed" => "good",
            "open" => "bad",
            _ => "warn",
        };
        let act = |label: &str, verb, question: &str| {
            Button::new(label, &["admin", "breakers", &breaker.name, verb])
                .confirms(format!("{question} {}?", breaker.name))
                .to_string()
        };
        let automatic = breaker.control == "automatic";
        let calm = tone == "good" && automatic;
        let reset = if calm { String::new() } else { act("Reset", "reset", "Let calls through to") };
        let forced = breaker.control == "forced_open";
        let force = if forced { String::new() } else { act("Force open", "force-open", "Refuse every call to") };
        let control = if automatic { String::new() } else { pill("warn", breaker.control.replace('_', " ")) };
        let wait = breaker.retry_after_seconds.map(|seconds| format!(" <small>probe in {seconds} s</small>"));
        format!(
            "<tr><td>{}</td><td>{} {control}{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td>\
             <td class=\"act\">{reset}{force}</td></tr>",
            text(&breaker.name),
            pill(tone, breaker.state.replace('_', " ")),
            wait.unwrap_or_default(),
            breaker.failures,
            breaker.opened,
        )
    };
    let rows: Vec<_> = breakers.iter().map(row).collect();
    table(&["partner", "state", "failures", "opened", ""], &rows, "No partner has been called yet.")
}

pub(super) fn limiters(limiters: &[Limiter]) -> String {
    let row = |limiter: &Limiter| {
        format!(
            "<tr><td>{}</td><td class=\"number\">{} of {}</td><td class=\"number\">{} s</td></tr>",
            text(&limiter.name),
            limiter.remaining,
            limiter.limit,
            limiter.reset_after_seconds,
        )
    };
    let rows: Vec<_> = limiters.iter().map(row).collect();
    table(&["partner", "calls left", "full again in"], &rows, "No partner has been called yet.")
}

pub(super) fn orders(now: Timestamp, orders: &[Journey]) -> String {
    let row = |order: &Journey| {
        let tone = match order.status {
            "COMPLETED" => "good",
            "CANCELLED" => "calm",
            "BLOCKED" => "warn",
            _ if !order.problems.is_empty() => "warn",
            _ => "live",
        };
        let last = order.last_step.as_ref().map(|step| ago(now, step.at)).unwrap_or_default();
        let told: String = order
            .acknowledged
            .iter()
            .map(|it| {
                format!(
                    "<span class=\"chip\" title=\"{} at {}: {}\">{}</span>",
                    text(&it.partner),
                    it.at,
                    text(&it.reference),
                    text(&it.kind)
                )
            })
            .collect();
        let problems: String =
            order.problems.iter().map(|code| pill("warn", code.replace('_', " ").to_lowercase())).collect();
        format!(
            "<tr><td>{}</td><td><b>{}</b></td><td>{}</td><td>{}</td><td>{} {problems}</td><td>{last}</td>\
             <td class=\"chips\">{told}</td><td><code>{}</code></td></tr>",
            ago(now, order.received_at),
            text(&order.external_order_id),
            text(order.source_system),
            text(&order.tenant),
            pill(tone, order.status.replace('_', " ").to_lowercase()),
            text(&order.correlation_id),
        )
    };
    let rows: Vec<_> = orders.iter().map(row).collect();
    let headings =
        ["received", "order", "from", "tenant", "status", "last step", "acknowledged by partners", "correlation id"];
    table(&headings, &rows, "No order has come yet.")
}

pub(super) fn tasks(now: Timestamp, tasks: &[Task]) -> String {
    let row = |task: &Task| {
        let tone = match task.priority.as_str() {
            "URGENT" => "bad",
            "HIGH" => "warn",
            _ => "calm",
        };
        format!(
            "<tr><td>{}</td><td>{}</td><td><b>{}</b></td><td class=\"said\">{}</td><td>{}</td><td><code>{}</code></td></tr>",
            ago(now, task.created_at),
            pill(tone, task.priority.to_lowercase()),
            text(task.task_type.replace('_', " ").to_lowercase()),
            text(&task.reason),
            text(&task.tenant),
            text(task.order_id.as_deref().unwrap_or("\u{2013}")),
        )
    };
    let rows: Vec<_> = tasks.iter().map(row).collect();
    table(&["since", "priority", "what", "why", "tenant", "order"], &rows, "Nothing waits for a person.")
}
