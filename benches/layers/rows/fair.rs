//! Who waits longest is served first: sixty tasks wait for tokens, and the pairs that come out of order are counted.

use std::{
    future::{Future, poll_fn},
    num::NonZeroU32,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use fsm_integration_core::layers::rate_limit::{Quota, TokenBucket, WaitConfig};
use futures_util::FutureExt;
use leaky_bucket::RateLimiter;
use tokio::{runtime::Builder, task::JoinSet};
use tower::{Layer, Service};
use tower_resilience_ratelimiter::RateLimiterLayer;

use crate::harness::{
    contender::{Row, Side},
    service::{Ask, HOUR, Noop},
};

const WAITERS: usize = 60;
const TOKEN_EVERY: Duration = Duration::from_millis(2);

pub(crate) fn row(row: &mut Row) {
    row.count(Side::Floor, "tokio semaphore", "pairs out of order", || {
        let semaphore = Arc::new(tokio::sync::Semaphore::new(1));
        pairs_out_of_order(move || {
            let semaphore = Arc::clone(&semaphore);
            async move {
                let _permit = semaphore.acquire().await.expect("nobody closes it");
                tokio::time::sleep(TOKEN_EVERY).await;
            }
        })
    });
    row.count(Side::Ours, "TokenBucket::acquire_within", "pairs out of order", || {
        let bucket = TokenBucket::new(Quota::new(NonZeroU32::MIN, NonZeroU32::MIN, TOKEN_EVERY));
        let wait = WaitConfig { max_wait: HOUR, max_waiting: WAITERS };
        pairs_out_of_order(move || bucket.acquire_within(1, wait).map(|served| served.expect("an hour is enough")))
    });
    row.count(Side::Peer, "leaky-bucket", "pairs out of order", || {
        let limiter = RateLimiter::builder().max(1).initial(1).refill(1).interval(TOKEN_EVERY).fair(true).build();
        let limiter = Arc::new(limiter);
        pairs_out_of_order(move || Arc::clone(&limiter).acquire_owned(1))
    });
    row.count(Side::Peer, "tower-resilience", "pairs out of order", || {
        let layer = RateLimiterLayer::builder()
            .limit_for_period(1)
            .refresh_period(TOKEN_EVERY)
            .burst_size(0)
            .timeout_duration(HOUR)
            .build();
        let service = layer.expect("valid settings").layer(Noop);
        pairs_out_of_order(move || {
            let mut service = service.clone();
            async move { service.call(Ask(0)).await.map_or((), |_| ()) }
        })
    });
}

/// Of [`WAITERS`] that come one after the other, how many pairs are served the other way round.
fn pairs_out_of_order<F, Fut>(mut wait: F) -> f64
where
    F: FnMut() -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    let served = Arc::new(Mutex::new(Vec::new()));
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for number in 0..WAITERS {
            let (mut turn, served) = (Box::pin(wait()), Arc::clone(&served));
            // Waits before the next one comes, and only then goes to a worker.
            let at_once = poll_fn(|cx| Poll::Ready(turn.as_mut().poll(cx).is_ready())).await;
            tasks.spawn(async move {
                if !at_once {
                    turn.await;
                }
                served.lock().expect("nobody panics").push(number);
            });
        }
        tasks.join_all().await;
    });
    let served = served.lock().expect("nobody panics");
    let overtaken = |place: usize| served[place + 1..].iter().filter(|later| **later < served[place]).count();
    (0..served.len()).map(overtaken).sum::<usize>() as f64
}
