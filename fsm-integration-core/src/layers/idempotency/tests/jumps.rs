//! Leases in SQLite, and a wall clock that is set.

use super::{sqlite::database, *};
use crate::{
    clock::{Sleep, WallClock},
    testing::VirtualClock,
};

/// A wall clock that is set.
#[derive(Debug, Clone, Default)]
struct Wall(Arc<AtomicU32>);

impl Wall {
    fn set(&self, second: u32) {
        self.0.store(second, Ordering::SeqCst);
    }
}

impl WallClock for Wall {
    fn timestamp(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(self.0.load(Ordering::SeqCst).into()).expect("in range")
    }

    fn sleep_until(&self, _: jiff::Timestamp) -> Sleep {
        Box::pin(pending())
    }
}

#[tokio::test]
async fn i8_a_wall_clock_that_jumps_moves_no_lease_of_this_process() {
    let (_folder, database) = database().await;
    let (wall, steady, lease) = (Wall::default(), VirtualClock::default(), Duration::from_secs(30));
    let store = SqliteIdempotencyStore::new(database.clone(), Arc::new(wall.clone())).with_steady(steady.clone());
    let begin =
        async |store: &dyn IdempotencyStore<u32>, owner| store.begin(&key("1"), A, owner, lease).await.expect("asked");
    let (first, second) = (Owner::random(), Owner::random());
    assert!(matches!(begin(&store, first).await, Begin::Won(_)));
    wall.set(3_600);
    steady.advance(Duration::from_secs(20));
    let left = Duration::from_secs(10);
    assert_eq!(begin(&store.clone(), second).await, Begin::InProgress { left });
    let renewed = IdempotencyStore::<u32>::renew(&store, &key("1"), first, lease).await;
    assert_eq!(renewed.expect("asked"), StoreOutcome::Stored);
    wall.set(0);
    steady.advance(Duration::from_secs(29));
    assert_eq!(begin(&store, second).await, Begin::InProgress { left: Duration::from_secs(1) });
    steady.advance(Duration::from_secs(1));
    assert!(matches!(begin(&store, second).await, Begin::Won(_)), "the owner gave no sign of life");
    let elsewhere = SqliteIdempotencyStore::new(database, Arc::new(wall.clone()));
    assert!(matches!(begin(&elsewhere, first).await, Begin::InProgress { .. }));
    wall.set(30);
    assert!(matches!(begin(&elsewhere, first).await, Begin::Won(_)), "the date is all that it has");
}
