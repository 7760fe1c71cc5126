//! The gauges that are as true as the last scrape.

use std::collections::BTreeMap;

use fsm_integration_core::{
    error::Result,
    event::consumer::ConsumerHandle,
    observe::metrics::{CONSUMER_LAG, DEAD_LETTER_DEPTH, DEAD_LETTER_OLDEST_AGE, gauge},
};

use super::Ops;

/// Sets lag, depth and age to what they are.
pub(super) async fn refresh(ops: &Ops) -> Result<()> {
    for consumer in &ops.0.consumers {
        for (topic, lag) in consumer.lag_by_topic().await? {
            gauge(&CONSUMER_LAG.key([consumer.group(), topic.as_str()])).set(lag as f64);
        }
    }
    let now = ops.store().now();
    // A topic whose last dead letter is gone has to fall back to nothing.
    let known = ops.0.consumers.iter().flat_map(ConsumerHandle::topics);
    let mut topics: BTreeMap<String, (u64, f64)> = known.map(|topic| (topic.as_str().to_owned(), (0, 0.0))).collect();
    for cause in ops.0.dead_letters.summary().await? {
        let (depth, oldest) = topics.entry(cause.topic).or_default();
        *depth += cause.open;
        *oldest = oldest.max(now.duration_since(cause.oldest).as_secs_f64());
    }
    for (topic, (depth, oldest)) in topics {
        gauge(&DEAD_LETTER_DEPTH.key([&topic])).set(depth as f64);
        gauge(&DEAD_LETTER_OLDEST_AGE.key([&topic])).set(oldest);
    }
    Ok(())
}
