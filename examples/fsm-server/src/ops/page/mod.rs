//! The page `/ops`: everything at a glance, and what can be done about it.
//!
//! One document without foreign parts. It reads well without its script, which only adds buttons and the refresh.

mod html;
mod sections;
mod tables;

use axum::{
    extract::State,
    http::header,
    response::{Html, IntoResponse},
};
use fsm_integration_core::{
    error::Result,
    event::dead_letter::{DeadLetter, DeadLetterFilter, DeadLetterGroup, Status},
    observe::health::HealthReport,
};
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    MOST, Ops, USUAL,
    breakers::{self, Breaker},
    consumers::{self, Group},
    flow::{self, Journey},
    limiters::{self, Limiter},
};
use crate::store::tasks::{self, Task};

const STYLE: &str = include_str!("ops.css");
const SCRIPT: &str = include_str!("ops.js");

/// All that the page shows; a part that cannot be read takes no other part with it.
struct View {
    now: Timestamp,
    health: HealthReport,
    causes: Result<Vec<DeadLetterGroup>>,
    letters: Result<Vec<DeadLetter>>,
    consumers: Result<Vec<Group>>,
    breakers: Vec<Breaker>,
    total_breakers: usize,
    limiters: Vec<Limiter>,
    total_limiters: usize,
    orders: Result<Vec<Journey>>,
    tasks: Result<Vec<Task>>,
}

pub(super) async fn page(State(ops): State<Ops>) -> impl IntoResponse {
    let nonce = Uuid::new_v4().simple().to_string();
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
    ];
    (headers, Html(document(&view(&ops).await, &nonce)))
}

async fn view(ops: &Ops) -> View {
    let open = DeadLetterFilter { status: Some(Status::Open), limit: Some(MOST), ..DeadLetterFilter::default() };
    let (store, letters) = (ops.store(), &ops.0.dead_letters);
    let (breakers, total_breakers) = breakers::worst_first(ops);
    let (limiters, total_limiters) = limiters::scarcest_first(ops);
    let (health, causes, letters, consumers, orders, tasks) = tokio::join!(
        ops.0.health.report(),
        letters.summary(),
        letters.list(open),
        consumers::groups(ops),
        store.read(|db| flow::journeys(db, USUAL)),
        store.read(|db| tasks::recent(db, USUAL)),
    );
    View {
        now: store.now(),
        health,
        causes,
        letters,
        consumers,
        breakers,
        total_breakers,
        limiters,
        total_limiters,
        orders,
        tasks,
    }
}

fn document(view: &View, nonce: &str) -> String {
    let (bar, main) = (sections::bar(view), sections::main(view));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>Field service operations</title>\n\
         <noscript><meta http-equiv=\"refresh\" content=\"30\"></noscript>\n\
         <style nonce=\"{nonce}\">{STYLE}</style>\n</head>\n<body>\n{bar}\n{main}\n\
         <p id=\"told\" role=\"status\" hidden></p>\n<script nonce=\"{nonce}\">{SCRIPT}</script>\n</body>\n</html>\n"
    )
}
