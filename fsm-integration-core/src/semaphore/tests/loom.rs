//! Models: every interleaving of a few threads, run by `RUSTFLAGS='--cfg fsm_loom' cargo test --release --lib loom`.

use std::{
    pin::Pin,
    task::{Context, Poll, Wake, Waker},
};

use loom::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use crate::semaphore::{Asked, Full, Place, Semaphore, Waiting};

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on(mut waiting: Box<Waiting>) -> Place {
    let waker = Waker::from(std::sync::Arc::new(Unpark(thread::current())));
    loop {
        match Pin::new(&mut waiting).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(Ok(place)) => return place,
            Poll::Ready(Err(Full)) => panic!("it may wait for ever"),
            Poll::Pending => thread::park(),
        }
    }
}

fn take(semaphore: &Semaphore) -> Place {
    if let Some(place) = semaphore.try_take() {
        return place;
    }
    match semaphore.ask(usize::MAX, None) {
        Ok(Asked::Place(place)) => place,
        Ok(Asked::Waiting(waiting)) => block_on(waiting),
        Err(Full) => panic!("the queue has no end"),
    }
}

/// A lost wake-up would be a deadlock, which loom tells.
#[test]
fn two_share_one_place_and_both_are_served() {
    loom::model(|| {
        let semaphore = Semaphore::new(1);
        let inside = Arc::new(AtomicUsize::new(0));
        let work = |semaphore: Semaphore, inside: Arc<AtomicUsize>| {
            let place = take(&semaphore);
            assert_eq!(inside.fetch_add(1, SeqCst), 0);
            inside.fetch_sub(1, SeqCst);
            drop(place);
        };
        let other = thread::spawn({
            let (semaphore, inside) = (semaphore.clone(), Arc::clone(&inside));
            move || work(semaphore, inside)
        });
        work(semaphore.clone(), inside);
        other.join().expect("ends");
        assert!(semaphore.try_take().is_some(), "nobody waits and nothing is taken");
    });
}

/// The first in the queue goes away at any moment of the hand-over; the second must be served all the same.
#[test]
fn a_waiter_that_goes_away_takes_no_place_with_it() {
    loom::model(|| {
        let semaphore = Semaphore::new(1);
        let place = semaphore.try_take().expect("free");
        let Ok(Asked::Waiting(first)) = semaphore.ask(2, None) else { panic!("no place is free") };
        let Ok(Asked::Waiting(second)) = semaphore.ask(2, None) else { panic!("no place is free") };
        let leaves = thread::spawn(move || drop(first));
        let gives_back = thread::spawn(move || drop(place));
        drop(block_on(second));
        leaves.join().expect("ends");
        gives_back.join().expect("ends");
        assert_eq!((semaphore.taken(), semaphore.queued()), (0, 0));
        assert!(semaphore.try_take().is_some(), "the word knows that nobody waits");
    });
}

#[test]
fn a_new_place_reaches_who_waits() {
    loom::model(|| {
        let semaphore = Semaphore::new(1);
        let place = semaphore.try_take().expect("free");
        let grows = thread::spawn({
            let semaphore = semaphore.clone();
            move || semaphore.resize(2)
        });
        drop(take(&semaphore));
        grows.join().expect("ends");
        drop(place);
        assert_eq!(semaphore.taken(), 0);
    });
}

/// Two places and the owner go at once; the memory is given back by whoever is the last, once.
#[test]
fn memory_is_put_to_rest_exactly_once() {
    loom::model(|| {
        let semaphore = Semaphore::new(2);
        let core = semaphore.core;
        let places = [semaphore.try_take().expect("free"), semaphore.try_take().expect("free")];
        let others = places.map(|place| {
            thread::spawn(move || {
                assert!(!core.is_at_rest());
                drop(place);
            })
        });
        drop(semaphore);
        for other in others {
            other.join().expect("ends");
        }
        assert!(core.is_at_rest());
    });
}
