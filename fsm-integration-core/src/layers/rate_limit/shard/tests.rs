use std::{num::NonZeroU32, time::Duration};

use super::{super::Quota, *};

#[test]
fn a_key_of_eight_bytes_takes_forty_at_most_and_those_that_are_forgotten_none() {
    let quota = Quota::new(NonZeroU32::MIN, NonZeroU32::MIN, Duration::from_nanos(10));
    let (mut shard, hasher) = (Shard::new(Gcra::new(&quota), 20_000), DefaultHashBuilder::default());
    let ask = |shard: &mut Shard<u64>, key: u64, now| {
        let lookup = Lookup { hash: hasher.hash_one(key), key: &key, hasher: &hasher };
        assert!(shard.attempt_new(&lookup, u64::clone, now, 1).0.is_some());
    };
    for key in 0..10_000 {
        ask(&mut shard, key, 0);
        assert!(key < 100 || shard.states.allocation_size() <= shard.len() * 40);
    }
    (10_000..30_000).for_each(|key| ask(&mut shard, key, key));
    assert!(shard.len() <= 2 * SMALL && shard.states.allocation_size() <= 4 * SMALL * 40);
}
