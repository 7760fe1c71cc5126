//! The same steps through a naive model, the memory store and the SQLite store.

use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::json;

use super::{sqlite::database, *};
use crate::testing::VirtualClock;

const LEASE: Duration = Duration::from_millis(30);
const TTL: u64 = 100;

/// What one of three owners may try on one of two keys, and how time passes.
#[derive(Debug, Clone, Copy)]
enum Step {
    Begin { key: usize, owner: u8, other_payload: bool },
    Renew { key: usize, owner: u8 },
    Point { key: usize, owner: u8, data: u32 },
    Complete { key: usize, owner: u8, outcome: u32 },
    Release { key: usize, owner: u8 },
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (key, owner) = (|| 0..2_usize, || 1..4_u8);
    let step = prop_oneof![
        4 => (key(), owner(), prop::bool::weighted(0.1))
            .prop_map(|(key, owner, other_payload)| Step::Begin { key, owner, other_payload }),
        1 => (key(), owner()).prop_map(|(key, owner)| Step::Renew { key, owner }),
        1 => (key(), owner(), any::<u32>()).prop_map(|(key, owner, data)| Step::Point { key, owner, data }),
        1 => (key(), owner(), any::<u32>()).prop_map(|(key, owner, outcome)| Step::Complete { key, owner, outcome }),
        1 => (key(), owner()).prop_map(|(key, owner)| Step::Release { key, owner }),
        2 => prop_oneof![0..35_u64, Just(30), Just(TTL), Just(130)].prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..40)
}

/// What a step leads to; a fence is reduced to whether it is higher than all before it.
#[derive(Debug, Clone, PartialEq)]
enum Seen {
    Won { resumed: Option<u32> },
    Done(u32),
    Mismatch,
    InProgress(Duration),
    Stored(bool),
    Passed,
}

/// One key, told as a story: who works on it since when, what is left of it.
#[derive(Debug, Clone, Default)]
struct Model {
    worker: Option<u8>,
    lease_ends: u64,
    payload: Option<bool>,
    point: Option<u32>,
    outcome: Option<u32>,
    forgotten_at: u64,
}

impl Model {
    fn begin(&mut self, owner: u8, payload: bool, now: u64) -> Seen {
        if self.payload.is_some() && now >= self.forgotten_at {
            *self = Self::default();
        }
        if self.payload.is_some_and(|known| known != payload) {
            return Seen::Mismatch;
        }
        if let Some(outcome) = self.outcome {
            return Seen::Done(outcome);
        }
        if self.payload.is_some() && now < self.lease_ends {
            return Seen::InProgress(Duration::from_millis(self.lease_ends - now));
        }
        (self.worker, self.payload) = (Some(owner), Some(payload));
        self.lease(now);
        Seen::Won { resumed: self.point }
    }

    fn lease(&mut self, now: u64) {
        (self.lease_ends, self.forgotten_at) = (now + 30, now + 30 + TTL);
    }

    fn as_owner(&mut self, owner: u8, then: impl FnOnce(&mut Self)) -> Seen {
        let owns = self.worker == Some(owner);
        if owns {
            then(self);
        }
        Seen::Stored(owns)
    }

    fn step(&mut self, step: Step, now: u64) -> Seen {
        match step {
            Step::Begin { owner, other_payload, .. } => self.begin(owner, other_payload, now),
            Step::Renew { owner, .. } => self.as_owner(owner, |model| model.lease(now)),
            Step::Point { owner, data, .. } => self.as_owner(owner, |model| model.point = Some(data)),
            Step::Complete { owner, outcome, .. } => self.as_owner(owner, |model| {
                (model.worker, model.point) = (None, None);
                (model.outcome, model.forgotten_at) = (Some(outcome), now + TTL);
            }),
            Step::Release { owner, .. } => self.as_owner(owner, |model| match model.point {
                None => *model = Self::default(),
                Some(_) => (model.worker, model.lease_ends, model.forgotten_at) = (None, now, now + TTL),
            }),
            Step::Pass(_) => Seen::Passed,
        }
    }
}

/// A store under test, and the highest fence that it gave out.
struct Real {
    store: Box<dyn IdempotencyStore<u32>>,
    last_fence: u64,
}

impl Real {
    fn new(store: impl IdempotencyStore<u32>) -> Self {
        Self { store: Box::new(store), last_fence: 0 }
    }

    async fn step(&mut self, step: Step, keys: &[IdempotencyKey; 2]) -> Seen {
        let owner_of = |owner| Owner::from_bytes([owner; 16]);
        let outcome = match step {
            Step::Pass(_) => return Seen::Passed,
            Step::Begin { key, owner, other_payload } => {
                let payload = if other_payload { B } else { A };
                return self.begin(&keys[key], payload, owner_of(owner)).await;
            }
            Step::Renew { key, owner } => self.store.renew(&keys[key], owner_of(owner), LEASE),
            Step::Point { key, owner, data } => {
                let point = RecoveryPoint { name: "reached".into(), data: json!(data) };
                self.store.record_point(&keys[key], owner_of(owner), point)
            }
            Step::Complete { key, owner, outcome } => self.store.complete(&keys[key], owner_of(owner), &outcome),
            Step::Release { key, owner } => self.store.release(&keys[key], owner_of(owner)),
        };
        Seen::Stored(outcome.await.expect("asked") == StoreOutcome::Stored)
    }

    async fn begin(&mut self, key: &IdempotencyKey, payload: Fingerprint, owner: Owner) -> Seen {
        let (lease, resumed) = match self.store.begin(key, payload, owner, LEASE).await.expect("asked") {
            Begin::Won(lease) => (lease, None),
            Begin::Resumed(lease, point) => (lease, point.data.as_u64().map(|data| data as u32)),
            Begin::Done(outcome) => return Seen::Done(outcome),
            Begin::Mismatch => return Seen::Mismatch,
            Begin::InProgress { left } => return Seen::InProgress(left),
        };
        assert_eq!(lease.owner, owner);
        assert!(lease.fence > self.last_fence, "fence {} after {}", lease.fence, self.last_fence);
        self.last_fence = lease.fence;
        Seen::Won { resumed }
    }
}

#[test]
fn both_stores_do_what_the_model_does() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let clock = VirtualClock::default();
    let (_folder, database) = runtime.block_on(database());
    let ttl = Duration::from_millis(TTL);
    let mut sqlite =
        Real::new(SqliteIdempotencyStore::with_ttl(database, Arc::new(clock.clone()), ttl).with_steady(clock.clone()));
    let mut memory = Real::new(MemoryIdempotencyStore::with_clock(1_000, ttl, clock.clone()));
    let (mut case, mut now) = (0, 0);
    let mut runner = TestRunner::new(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() });
    let stores = std::cell::RefCell::new((&mut memory, &mut sqlite, &mut case, &mut now));
    let run = runner.run(&steps(), |steps| {
        let (memory, sqlite, case, now) = &mut *stores.borrow_mut();
        **case += 1;
        let keys = ["a", "b"].map(|name| key(&format!("{name}{case}")));
        let mut models = [Model::default(), Model::default()];
        for step in steps {
            if let Step::Pass(by) = step {
                **now += by;
                clock.advance(Duration::from_millis(by));
            }
            let (Step::Begin { key, .. }
            | Step::Renew { key, .. }
            | Step::Point { key, .. }
            | Step::Complete { key, .. }
            | Step::Release { key, .. }) = step
            else {
                continue;
            };
            let expected = models[key].step(step, **now);
            prop_assert_eq!(runtime.block_on(memory.step(step, &keys)), expected.clone(), "in memory: {:?}", step);
            prop_assert_eq!(runtime.block_on(sqlite.step(step, &keys)), expected, "in SQLite: {:?}", step);
        }
        Ok(())
    });
    run.expect("all agree");
}
