use axum::{Json, extract::State};
use fsm_integration_core::layers::rate_limit::TokenBucket;
use serde::Serialize;

use super::{MOST, Ops};

/// How far the calls to one partner are within its pace.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Limiter {
    pub(super) name: String,
    pub(super) limit: u32,
    /// Calls that could be made at once.
    pub(super) remaining: u32,
    /// How long until nothing of the limit is used.
    pub(super) reset_after_seconds: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Limiters {
    limiters: Vec<Limiter>,
    /// How many there are, those that are not listed included.
    total: usize,
}

pub(super) async fn list(State(ops): State<Ops>) -> Json<Limiters> {
    let (limiters, total) = scarcest_first(&ops);
    Json(Limiters { limiters, total })
}

/// As many as a list shows, those that have least left first; and how many there are.
pub(super) fn scarcest_first(ops: &Ops) -> (Vec<Limiter>, usize) {
    let mut all: Vec<_> = ops.0.flow.partners().limiters().iter().map(limiter).collect();
    let total = all.len();
    all.sort_by(|a, b| a.remaining.cmp(&b.remaining).then_with(|| a.name.cmp(&b.name)));
    all.truncate(MOST as usize);
    (all, total)
}

fn limiter(bucket: &TokenBucket) -> Limiter {
    let now = bucket.peek();
    Limiter {
        name: bucket.name().to_owned(),
        limit: now.limit,
        remaining: now.remaining,
        reset_after_seconds: now.reset_after.as_secs(),
    }
}
