use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::event::Topic;

/// Where each topic ends, in memory, so that an idle consumer asks the database nothing.
#[derive(Debug, Default)]
pub(super) struct Tails {
    ends: Mutex<HashMap<Topic, i64>>,
    appended: watch::Sender<i64>,
}

impl Tails {
    pub(super) fn advance(&self, topic: &Topic, offset: i64) {
        {
            let mut ends = self.ends.lock();
            match ends.get_mut(topic) {
                Some(end) => *end = offset.max(*end),
                None => drop(ends.insert(topic.clone(), offset)),
            }
        }
        self.appended.send_if_modified(|highest| {
            let grows = offset > *highest;
            *highest = offset.max(*highest);
            grows
        });
    }

    pub(super) fn end_of(&self, topics: &[Topic]) -> i64 {
        let ends = self.ends.lock();
        topics.iter().filter_map(|topic| ends.get(topic)).copied().max().unwrap_or(0)
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<i64> {
        self.appended.subscribe()
    }
}
