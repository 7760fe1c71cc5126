use fsm_integration_core::{
    error::Result,
    event::dead_letter::{DeadLetter, DeadLetterGroup},
    layers::circuit_breaker::CircuitState,
    observe::health::{CheckReport, Health},
};
use serde_json::json;

use super::{
    View,
    html::{Button, ago, pill, table, text},
    tables,
};

/// The line that stays in sight: how it is, and how old what is shown is.
pub(super) fn bar(view: &View) -> String {
    let (tone, word) = match view.health.status {
        Health::Healthy => ("good", "healthy"),
        Health::Degraded => ("warn", "degraded"),
        Health::Unhealthy => ("bad", "unhealthy"),
    };
    let time = view.now.strftime("%Y-%m-%d %H:%M:%S UTC");
    format!(
        "<header id=\"bar\"><h1>Field service operations</h1>{}<span class=\"stamp\">as of {time}</span>\
         <button type=\"button\" id=\"pause\" aria-pressed=\"false\">Pause refresh</button></header>",
        pill(tone, word)
    )
}

pub(super) fn main(view: &View) -> String {
    let parts = [
        figures(view),
        section("health", "Health", "", Ok(health(view))),
        section("letters", "Dead letters", "open, by cause", letters(view)),
        "<div class=\"pair\">".to_owned(),
        section("consumers", "Consumer groups", "", shown(&view.consumers, tables::consumers)),
        section(
            "breakers",
            "Circuit breakers",
            &more(view.breakers.len(), view.total_breakers),
            Ok(tables::breakers(&view.breakers)),
        ),
        "</div>".to_owned(),
        section(
            "limiters",
            "Outbound limiters",
            &more(view.limiters.len(), view.total_limiters),
            Ok(tables::limiters(&view.limiters)),
        ),
        section("flow", "Recent orders", "newest first", shown(&view.orders, |it| tables::orders(view.now, it))),
        section("tasks", "Operator tasks", "newest first", shown(&view.tasks, |it| tables::tasks(view.now, it))),
    ];
    format!("<main>{}</main>", parts.concat())
}

fn shown<T>(part: &Result<Vec<T>>, show: impl FnOnce(&[T]) -> String) -> Result<String, String> {
    part.as_ref().map(|list| show(list)).map_err(|error| error.message().to_owned())
}

fn section(id: &str, title: &str, remark: &str, content: Result<String, String>) -> String {
    let content = content.unwrap_or_else(|error| format!("<p class=\"failed\">Cannot be read: {}</p>", text(error)));
    format!("<section id=\"{id}\"><h2>{title} <small>{remark}</small></h2>{content}</section>")
}

fn more(shown: usize, total: usize) -> String {
    if shown < total { format!("{shown} of {total}, the worst first") } else { String::new() }
}

/// The numbers that an operator looks at first.
fn figures(view: &View) -> String {
    let figure = |value: Option<u64>, wrong: bool, label: &str| {
        let value = value.map_or_else(|| "?".to_owned(), |value| value.to_string());
        let tone = if wrong { " wrong" } else { "" };
        format!("<div class=\"figure{tone}\"><b>{value}</b><span>{label}</span></div>")
    };
    let open = view.causes.as_ref().ok().map(|causes| causes.iter().map(|cause| cause.open).sum::<u64>());
    let lag = view.consumers.as_ref().ok().map(|groups| groups.iter().map(|group| group.lag).sum::<u64>());
    let stopped =
        view.consumers.as_ref().ok().map(|all| all.iter().filter(|group| group.state != "running").count() as u64);
    let closed = CircuitState::Closed.label();
    let breakers = view.breakers.iter().filter(|breaker| breaker.state != closed).count();
    let tasks = view.tasks.as_ref().ok().map(|tasks| tasks.len() as u64);
    let all = [
        figure(open, open != Some(0), "open dead letters"),
        figure(stopped, stopped != Some(0), "groups stopped"),
        figure(lag, lag.is_none(), "records behind"),
        figure(Some(breakers as u64), breakers > 0, "breakers not closed"),
        figure(tasks, tasks.is_none(), "recent tasks"),
    ];
    format!("<div class=\"figures\">{}</div>", all.concat())
}

/// What is wrong in full, what is well in a word each.
fn health(view: &View) -> String {
    let (well, wrong): (Vec<_>, Vec<_>) =
        view.health.checks.iter().partition(|(_, check)| check.status.health == Health::Healthy);
    let row = |(name, check): &(&String, &CheckReport)| {
        let tone = if check.status.health == Health::Degraded { "warn" } else { "bad" };
        let message = check.status.message.as_deref().unwrap_or_default();
        let verdict = pill(tone, check.status.health.verdict());
        format!("<li>{verdict} <b>{}</b> {}</li>", text(name), text(message))
    };
    let chip = |(name, check): &(&String, &CheckReport)| {
        let message = check.status.message.as_deref().unwrap_or("pass");
        format!("<span class=\"chip\" title=\"{}\">{}</span>", text(message), text(name))
    };
    let wrong: String = wrong.iter().map(row).collect();
    let well: String = well.iter().map(chip).collect();
    format!("<ul class=\"wrong\">{wrong}</ul><div class=\"chips\">{well}</div>")
}

fn letters(view: &View) -> Result<String, String> {
    let letters = view.letters.as_ref().map_or(&[][..], Vec::as_slice);
    shown(&view.causes, |causes| {
        let all: String = causes.iter().map(|each| cause(view, each, letters)).collect();
        if all.is_empty() { "<p class=\"nothing\">None is open.</p>".to_owned() } else { all }
    })
}

/// One cause: who gave up what and why, with its newest letters to unfold.
fn cause(view: &View, cause: &DeadLetterGroup, letters: &[DeadLetter]) -> String {
    let same = |letter: &&DeadLetter| {
        letter.group == cause.group && letter.topic == cause.topic && letter.error_kind == cause.error_kind
    };
    let rows: Vec<_> = letters.iter().filter(same).map(|letter| tables::letter(view.now, letter)).collect();
    let replay = Button::new(format!("Replay all {}", cause.open), &["admin", "dead-letters", "replay"])
        .sends(json!({"group": cause.group, "topic": cause.topic, "errorKind": cause.error_kind, "rate": 10}))
        .confirms(format!("Replay {} dead letters of {}, ten a second?", cause.open, cause.group));
    let headings = ["failed", "tried", "tenant", "what was said", "correlation id", "id", ""];
    format!(
        "<details class=\"cause\" id=\"cause-{}-{}-{}\"><summary><span class=\"count\">{}</span>{}\
         <span class=\"who\"><b>{}</b><span>{}</span></span><span class=\"since\">oldest {}</span>{replay}</summary>{}\
         </details>",
        text(&cause.group),
        text(&cause.topic),
        text(&cause.error_kind),
        cause.open,
        pill("bad", cause.error_kind.replace('_', " ")),
        text(&cause.group),
        text(&cause.topic),
        ago(view.now, cause.oldest),
        table(&headings, &rows, "The newest are of other causes; use <code>fsm-server dead-letters list</code>."),
    )
}
