use std::{
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Poll, Waker},
    thread,
    time::Duration,
};

use futures_util::FutureExt;
use proptest::prelude::*;

use crate::semaphore::{Asked, Full, Place, Semaphore, Waiting};

fn ask(semaphore: &Semaphore) -> Waiting {
    match semaphore.ask(usize::MAX, None) {
        Ok(Asked::Waiting(waiting)) => *waiting,
        _ => panic!("a free place"),
    }
}

#[test]
fn a_place_is_free_again_when_it_is_dropped() {
    let semaphore = Semaphore::new(1);
    let place = semaphore.try_take().expect("free");
    assert!(semaphore.try_take().is_none());
    drop(place);
    assert!(semaphore.try_take().is_some());
}

#[test]
fn nobody_overtakes_who_waits_however_he_came() {
    let semaphore = Semaphore::new(1);
    let place = semaphore.try_take().expect("free");
    let mut first = ask(&semaphore);
    drop(place);
    assert!(semaphore.try_take().is_none(), "handed to the first, who has not looked yet");
    let mut second = ask(&semaphore);
    assert!((&mut second).now_or_never().is_none());
    let place = (&mut first).now_or_never().expect("served");
    assert!(semaphore.try_take().is_none());
    drop(place);
    assert!(second.now_or_never().is_some());
    assert!(semaphore.try_take().is_some(), "nobody waits any more");
}

#[test]
fn more_places_are_handed_out_at_once_and_fewer_take_effect_as_they_come_back() {
    let semaphore = Semaphore::new(1);
    let place = semaphore.try_take().expect("free");
    let waiting: Vec<_> = (0..3).map(|_| ask(&semaphore)).collect();
    semaphore.resize(3);
    let mut served = waiting.into_iter().map(FutureExt::now_or_never);
    let (second, third) = (served.next().expect("asked"), served.next().expect("asked"));
    assert!(second.is_some() && third.is_some() && served.next().expect("asked").is_none());
    drop(served);

    semaphore.resize(1);
    assert_eq!((semaphore.limit(), semaphore.taken()), (1, 3));
    drop((place, second));
    assert!(semaphore.try_take().is_none());
    drop(third);
    assert!(semaphore.try_take().is_some());
}

#[test]
fn a_limit_that_is_set_hands_nothing_on_until_it_is_told_to() {
    let semaphore = Semaphore::new(1);
    let _place = semaphore.try_take();
    let mut waiting = ask(&semaphore);
    semaphore.set_limit(2);
    assert_eq!((semaphore.limit(), (&mut waiting).now_or_never().is_some()), (2, false));
    semaphore.hand_on();
    assert!(waiting.now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn who_has_waited_as_long_as_he_would_leaves_the_queue() {
    const PATIENCE: Duration = Duration::from_secs(1);
    let semaphore = Semaphore::new(1);
    let place = semaphore.try_take();
    let Ok(Asked::Waiting(waiting)) = semaphore.ask(1, Some(PATIENCE)) else { panic!("a free place") };
    let began = tokio::time::Instant::now();
    let waited = tokio::time::timeout(2 * PATIENCE, waiting).await.expect("not for ever");
    assert!(waited.is_err() && began.elapsed() == PATIENCE && semaphore.queued() == 0);
    drop(place);
    assert!(semaphore.try_take().is_some(), "the word knows that nobody waits");
}

#[test]
fn a_place_may_outlive_its_semaphore() {
    let semaphore = Semaphore::new(2);
    let (core, places) = (semaphore.core, [semaphore.try_take(), semaphore.try_take()]);
    drop(semaphore);
    let others: Vec<_> = (0..10).map(|_| Semaphore::new(1)).collect();
    assert!(others.iter().all(|other| !std::ptr::eq(other.core, core)), "used again while places are taken");
    drop(places);
    assert!(others.iter().all(|other| other.taken() == 0));
}

/// Peers' keyed stores grow; this memory is used again.
#[test]
fn semaphores_that_come_and_go_use_the_same_memory() {
    let mut seen = Vec::new();
    for limit in 1..=1_000 {
        let semaphore = Semaphore::new(limit);
        assert_eq!((semaphore.limit(), semaphore.taken(), semaphore.queued()), (limit, 0, 0));
        let place = semaphore.try_take();
        let core: *const _ = semaphore.core;
        if !seen.contains(&core) {
            seen.push(core);
        }
        // In either order.
        if limit % 2 == 0 { drop(semaphore) } else { drop((semaphore, place)) }
    }
    // Not one: other tests run beside this one.
    assert!(seen.len() < 200, "{}", seen.len());
}

/// A waker that asks again while it is dropped or woken would deadlock on a lock that is held meanwhile.
#[test]
fn no_waker_is_run_or_dropped_under_the_lock() {
    struct Asks(Semaphore);
    impl std::task::Wake for Asks {
        fn wake(self: std::sync::Arc<Self>) {
            assert_eq!(self.0.queued(), 0);
        }
    }
    impl Drop for Asks {
        fn drop(&mut self) {
            self.0.queued();
        }
    }
    let semaphore = Semaphore::new(1);
    for leaves in [false, true] {
        let place = semaphore.try_take().expect("free");
        let mut waiting = ask(&semaphore);
        for _ in 0..2 {
            let waker = Waker::from(std::sync::Arc::new(Asks(semaphore.clone())));
            assert!(waiting.poll_unpin(&mut std::task::Context::from_waker(&waker)).is_pending());
        }
        if leaves {
            drop((waiting, place));
        } else {
            drop((place, waiting));
        }
    }
}

#[test]
fn threads_never_hold_more_places_than_there_are_and_all_are_served() {
    const THREADS: usize = 4;
    let semaphore = Semaphore::new(2);
    let (inside, barrier) = (AtomicUsize::new(0), Barrier::new(THREADS));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                barrier.wait();
                for round in 0..5_000 {
                    let place = match semaphore.ask(usize::MAX, None) {
                        Ok(Asked::Place(place)) => place,
                        Ok(Asked::Waiting(waiting)) if round % 7 == 0 => {
                            drop(waiting);
                            continue;
                        }
                        Ok(Asked::Waiting(waiting)) => {
                            block_on(*waiting).unwrap_or_else(|Full| panic!("it may wait for ever"))
                        }
                        Err(Full) => panic!("the queue has no end"),
                    };
                    assert!(inside.fetch_add(1, SeqCst) < 2);
                    inside.fetch_sub(1, SeqCst);
                    drop(place);
                }
            });
        }
    });
    assert_eq!((semaphore.taken(), semaphore.queued()), (0, 0));
    assert!(semaphore.try_take().is_some(), "the word knows that nobody waits");
}

fn block_on(waiting: Waiting) -> Result<Place, Full> {
    struct Unpark(thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(std::sync::Arc::new(Unpark(thread::current())));
    let mut waiting = waiting;
    loop {
        if let Poll::Ready(place) = waiting.poll_unpin(&mut std::task::Context::from_waker(&waker)) {
            return place;
        }
        thread::park();
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Ask,
    GiveBack(usize),
    Leave(usize),
    Resize(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Ask),
        3 => any::<usize>().prop_map(Step::GiveBack),
        1 => any::<usize>().prop_map(Step::Leave),
        1 => (0..6_usize).prop_map(Step::Resize),
    ]
}

/// Who holds a place and who waits, in order, as a child would write it down.
#[derive(Default)]
struct Model {
    limit: usize,
    inside: Vec<usize>,
    waiting: Vec<usize>,
}

impl Model {
    fn serve(&mut self) {
        while self.inside.len() < self.limit && !self.waiting.is_empty() {
            self.inside.push(self.waiting.remove(0));
        }
    }
}

const MAX_QUEUED: usize = 4;

proptest! {
    /// Against the model, after every step.
    #[test]
    fn it_does_what_the_model_does(steps in prop::collection::vec(step(), 0..150)) {
        let semaphore = Semaphore::new(2);
        let mut model = Model { limit: 2, ..Model::default() };
        let (mut places, mut waiting) = (Vec::<(usize, Place)>::new(), Vec::<(usize, Waiting)>::new());
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Ask => match semaphore.ask(MAX_QUEUED, None) {
                    Ok(asked) => {
                        prop_assert!(model.inside.len() < model.limit || model.waiting.len() < MAX_QUEUED);
                        match asked {
                            Asked::Place(place) => places.push((number, place)),
                            Asked::Waiting(waits) => waiting.push((number, *waits)),
                        }
                        model.waiting.push(number);
                    }
                    Err(Full) => {
                        prop_assert!(model.inside.len() >= model.limit && model.waiting.len() == MAX_QUEUED);
                    }
                },
                Step::GiveBack(which) if !places.is_empty() => {
                    let (gone, _place) = places.swap_remove(which % places.len());
                    model.inside.retain(|number| *number != gone);
                }
                Step::Leave(which) if !waiting.is_empty() => {
                    let (gone, _waits) = waiting.remove(which % waiting.len());
                    model.waiting.retain(|number| *number != gone);
                }
                Step::Resize(limit) => {
                    semaphore.resize(limit);
                    model.limit = limit.max(1);
                }
                Step::GiveBack(_) | Step::Leave(_) => {}
            }
            model.serve();
            prop_assert_eq!((semaphore.taken(), semaphore.queued()), (model.inside.len(), model.waiting.len()));
            // Looks in any order but the queue's.
            for at in (0..waiting.len()).rev() {
                let served = (&mut waiting[at].1).now_or_never();
                prop_assert_eq!(served.is_some(), model.inside.contains(&waiting[at].0));
                if let Some(Ok(place)) = served {
                    places.push((waiting.remove(at).0, place));
                }
            }
        }
    }
}
