//! A partner that gets slower beyond what it can take, in paused time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    layers::adaptive_concurrency::{
        AdaptiveConcurrency, AdaptiveConcurrencyConfig, AimdConfig, GradientConfig, LimitAlgorithm,
    },
    testing::probe::Failure,
};

const MILLI: Duration = Duration::from_millis(1);

/// The tolerance of 1.5 lets half as many again wait at the partner, and the square root some more.
const NEAR_20: std::ops::RangeInclusive<f64> = 15.0..=42.0;

/// Answers in 20 ms while it has no more than `capacity` calls; beyond that as if they shared it (Little's law).
#[derive(Clone)]
struct Partner {
    capacity: Arc<AtomicU32>,
    inside: Arc<AtomicU32>,
}

impl Partner {
    fn new(capacity: u32) -> Self {
        Self { capacity: Arc::new(capacity.into()), inside: Arc::default() }
    }

    async fn answer(&self) -> Result<(), Failure> {
        let inside = self.inside.fetch_add(1, Relaxed) + 1;
        let load = f64::from(inside) / f64::from(self.capacity.load(Relaxed));
        sleep((20 * MILLI).mul_f64(load.max(1.0))).await;
        self.inside.fetch_sub(1, Relaxed);
        Ok(())
    }
}

/// Sixty callers ask without a pause, waiting a moment when they are refused; gives the mean limit of the last third.
async fn run(concurrency: &AdaptiveConcurrency, partner: &Partner, how_long: Duration) -> f64 {
    let until = Instant::now() + how_long;
    let mut callers = JoinSet::new();
    for _ in 0..60 {
        let (concurrency, partner) = (concurrency.clone(), partner.clone());
        callers.spawn(async move {
            while Instant::now() < until {
                if concurrency.call(partner.answer()).await.is_err() {
                    sleep(7 * MILLI).await;
                }
            }
        });
    }
    sleep(how_long * 2 / 3).await;
    let (mut sum, mut looks) = (0, 0);
    while Instant::now() < until {
        sum += concurrency.limit();
        looks += 1;
        sleep(50 * MILLI).await;
    }
    callers.join_all().await;
    sum as f64 / f64::from(looks)
}

async fn converges_and_recovers(algorithm: LimitAlgorithm) {
    let config = AdaptiveConcurrencyConfig { initial: 5, max: 60, algorithm, ..Default::default() };
    let concurrency = AdaptiveConcurrency::new(config);
    let partner = Partner::new(20);
    let found = run(&concurrency, &partner, Duration::from_secs(60)).await;
    assert!(NEAR_20.contains(&found), "{found:.1} of 20");

    partner.capacity.store(6, Relaxed);
    let lowered = run(&concurrency, &partner, Duration::from_secs(30)).await;
    assert!(lowered < 0.65 * found, "{lowered:.1} of 6, after {found:.1}");

    partner.capacity.store(20, Relaxed);
    let recovered = run(&concurrency, &partner, Duration::from_secs(60)).await;
    println!("{algorithm:?}: {found:.1}, {lowered:.1}, {recovered:.1}");
    assert!(NEAR_20.contains(&recovered), "{recovered:.1} of 20 again, after {lowered:.1}");
}

#[tokio::test(start_paused = true)]
async fn the_gradient_finds_what_a_partner_can_take() {
    converges_and_recovers(LimitAlgorithm::Gradient(GradientConfig::default())).await;
}

#[tokio::test(start_paused = true)]
async fn aimd_finds_what_a_partner_can_take() {
    let aimd = AimdConfig { latency_threshold: 25 * MILLI, ..Default::default() };
    converges_and_recovers(LimitAlgorithm::Aimd(aimd)).await;
}
