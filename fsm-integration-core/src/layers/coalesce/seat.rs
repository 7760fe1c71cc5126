use std::{
    future::Future,
    hash::Hash,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    Coalesce, Flights, ShareError,
    flight::{Arrival, Flight, LEADER, wake},
};
use crate::observe::Observation;

/// How a caller takes part.
pub(super) enum Joined<K: Eq + Hash, T, E> {
    /// The call is its own; others may share it.
    Leads(Seat<K, T, E>),
    /// A call is under way already.
    Follows(Seat<K, T, E>),
    /// Too many calls are under way; its own is not shared.
    Alone,
}

/// A place among those who wait for a call, given up on drop; ends as the call does.
pub(super) struct Seat<K: Eq + Hash, T, E> {
    coalesce: Coalesce<K, T, E>,
    key: K,
    flight: Arc<Flight<T, E>>,
    place: usize,
}

impl<K: Eq + Hash + Clone, T, E> Coalesce<K, T, E> {
    /// Joins the call under way for this key, or is the first.
    pub(super) fn join(&self, key: K) -> Joined<K, T, E> {
        let mut flights = self.shared.flights.lock();
        if let Some(flight) = flights.get(&key) {
            let (flight, place) = (Arc::clone(flight), flight.board());
            return Joined::Follows(Seat { coalesce: self.clone(), key, flight, place });
        }
        if flights.len() >= self.shared.config.max_keys {
            return Joined::Alone;
        }
        let flight = Arc::new(Flight::new());
        flights.insert(key.clone(), Arc::clone(&flight));
        Joined::Leads(Seat { coalesce: self.clone(), key, flight, place: LEADER })
    }
}

impl<K: Eq + Hash, T, E> Seat<K, T, E> {
    /// Sends the leader's call on its way.
    pub(super) fn start(&self, call: impl Future<Output = Result<T, E>> + Send + 'static) {
        self.flight.start(Box::pin(call));
    }

    fn close(&self) {
        let mut flights = self.coalesce.shared.flights.lock();
        let removed = self.remove_from(&mut flights);
        drop(flights);
        // The key, which is the user's.
        drop(removed);
    }

    /// Takes the call off, so that nobody boards any more.
    fn remove_from(&self, flights: &mut Flights<K, T, E>) -> Option<(K, Arc<Flight<T, E>>)> {
        // Another call for the key may be under way by now.
        let is_here = flights.get(&self.key).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight));
        if is_here { flights.remove_entry(&self.key) } else { None }
    }
}

/// Nothing in it is pinned: the call has its own box.
impl<K: Eq + Hash, T, E> Unpin for Seat<K, T, E> {}

impl<K, T, E> Future for Seat<K, T, E>
where
    K: Eq + Hash,
    T: Clone + Send + Sync + 'static,
    E: ShareError + Send + Sync + 'static,
{
    /// `None` when the call panicked and the panic belongs to another caller.
    type Output = Option<Result<T, E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let seat = self.get_mut();
        seat.flight.poll(seat.place, cx, || seat.close()).map(|arrival| match arrival {
            Arrival::Crashed => None,
            Arrival::Outcome(outcome) => {
                if seat.place != LEADER {
                    seat.coalesce.tell(Observation::Coalesced);
                }
                Some(outcome)
            }
        })
    }
}

impl<K: Eq + Hash, T, E> Drop for Seat<K, T, E> {
    fn drop(&mut self) {
        // When the call has ended it is not in the map any more, so that those who leave hold up nobody's other calls.
        if self.flight.leave_ended(self.place).is_some() {
            return;
        }
        // Under the map's lock, so that nobody boards a flight that is being given up.
        let mut flights = self.coalesce.shared.flights.lock();
        let left = self.flight.leave(self.place);
        let removed = if left.is_over { self.remove_from(&mut flights) } else { None };
        drop(flights);
        drop(removed);
        wake(left.wakers);
    }
}
