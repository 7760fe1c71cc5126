use std::{collections::VecDeque, mem::forget};

use tokio::sync::broadcast::{self, Sender};

use super::{
    CircuitState,
    changes::{CircuitChange, CircuitChanges, KEPT},
};
use crate::{
    observe::{Observation, Observers},
    sync::Mutex,
};

/// Tells of changes one after the other, in their order, and outside every lock.
///
/// Changes are queued under the machine's lock. Whoever finds nobody telling tells until the queue is empty; the others
/// leave it to that one. So an observer may look at the breaker, and even change it, and the last it is told is the
/// latest state.
pub(super) struct Teller {
    telling: Mutex<Telling>,
}

struct Telling {
    observers: Observers,
    sender: Option<Sender<CircuitChange>>,
    queue: VecDeque<CircuitChange>,
    sequence: u64,
    busy: bool,
}

impl Teller {
    pub(super) fn new(observers: Observers) -> Self {
        let telling = Telling { observers, sender: None, queue: VecDeque::new(), sequence: 0, busy: false };
        Self { telling: Mutex::new(telling) }
    }

    /// Puts a change in the queue; call it under the machine's lock.
    pub(super) fn queue(&self, from: CircuitState, to: CircuitState) {
        let mut telling = self.telling.lock();
        telling.sequence += u64::from(from != to);
        let sequence = telling.sequence;
        telling.queue.push_back(CircuitChange { from, to, sequence, missed: 0 });
    }

    /// Tells what is queued, unless another thread, or a caller of this one, does so already.
    pub(super) fn tell(&self, name: &str) {
        let Some(busy) = self.begin() else { return };
        while let Some((change, observers, sender)) = self.next() {
            let CircuitChange { from, to, sequence, .. } = change;
            observers.observe(name, Observation::CircuitChanged { from, to, sequence });
            if let Some(sender) = sender.filter(|_| from != to) {
                // Without a receiver there is nobody to tell.
                let _ = sender.send(change);
            }
        }
        // Said already, and perhaps another one tells by now.
        forget(busy);
    }

    fn begin(&self) -> Option<Busy<'_>> {
        let mut telling = self.telling.lock();
        if telling.busy {
            return None;
        }
        telling.busy = true;
        Some(Busy(self))
    }

    /// What is to be told next; when there is nothing, the next change finds nobody telling.
    fn next(&self) -> Option<(CircuitChange, Observers, Option<Sender<CircuitChange>>)> {
        let mut telling = self.telling.lock();
        let next = telling.queue.pop_front();
        telling.busy = next.is_some();
        next.map(|change| (change, telling.observers.clone(), telling.sender.clone()))
    }

    /// Tells at once of what is no change of state, and so needs no order.
    pub(super) fn tell_at_once(&self, name: &str, observation: Observation) {
        let observers = self.telling.lock().observers.clone();
        observers.observe(name, observation);
    }

    pub(super) fn replace_observers(&self, observers: Observers) {
        self.telling.lock().observers = observers;
    }

    pub(super) fn subscribe(&self) -> CircuitChanges {
        let mut telling = self.telling.lock();
        let sender = telling.sender.get_or_insert_with(|| broadcast::channel(KEPT).0);
        CircuitChanges::new(sender.subscribe())
    }
}

/// Held by the one that tells, and dropped only when an observer panics.
struct Busy<'a>(&'a Teller);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.telling.lock().busy = false;
    }
}
