//! Every interleaving of a few threads, by loom; see `sync.rs` for how to run it.
//!
//! A lost wake-up would be a deadlock, which loom tells. Panics are no matter for it: its threads are one thread of the
//! system, which unwinds for all of them.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Wake, Waker},
};

use loom::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread,
};

use super::*;
use crate::sync::Mutex;

type Calls = Coalesce<u8, u32, Infallible>;
type Pending = Pin<Box<dyn Future<Output = Result<u32, Infallible>> + Send>>;

/// What the call waits for.
#[derive(Clone)]
struct Answer(Arc<Mutex<(Option<u32>, Option<Waker>)>>);

impl Answer {
    fn new() -> Self {
        Self(Arc::new(Mutex::new((None, None))))
    }

    fn give(&self, answer: u32) {
        let mut inside = self.0.lock();
        inside.0 = Some(answer);
        let waker = inside.1.take();
        drop(inside);
        waker.into_iter().for_each(Waker::wake);
    }

    /// The call that waits for it.
    fn come(&self) -> impl Future<Output = Result<u32, Infallible>> + Send + use<> {
        let answer = self.clone();
        poll_fn(move |cx| {
            let mut inside = answer.0.lock();
            inside.1 = Some(cx.waker().clone());
            inside.0.map_or(Poll::Pending, |answer| Poll::Ready(Ok(answer)))
        })
    }
}

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn waker() -> Waker {
    Waker::from(Arc::new(Unpark(thread::current())))
}

fn block_on<T>(call: impl Future<Output = T>) -> T {
    let (mut call, waker) = (pin!(call), waker());
    loop {
        match call.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(outcome) => return outcome,
            Poll::Pending => thread::park(),
        }
    }
}

fn calls() -> Calls {
    Calls::default().with_observers(Observers::none())
}

/// One that has joined, whoever waits for it from now on.
fn joined(calls: &Calls, answer: &Answer) -> Pending {
    let (calls, answer) = (calls.clone(), answer.clone());
    let mut call: Pending = Box::pin(async move { calls.call(7, || answer.come()).await });
    assert!(call.as_mut().poll(&mut Context::from_waker(&waker())).is_pending());
    call
}

#[test]
fn loom_all_who_share_a_call_are_answered_whenever_it_is_woken() {
    loom::model(|| {
        let (calls, answer) = (calls(), Answer::new());
        let (one, other) = (joined(&calls, &answer), joined(&calls, &answer));
        let gives = thread::spawn(move || answer.give(1));
        let waits = thread::spawn(move || block_on(one));
        assert_eq!(block_on(other), Ok(1));
        assert_eq!(waits.join().expect("ends"), Ok(1));
        gives.join().expect("ends");
        assert_eq!(calls.in_flight(), 0);
    });
}

#[test]
fn loom_who_comes_while_a_call_ends_shares_it_or_makes_its_own() {
    loom::model(|| {
        let (calls, made) = (calls(), Arc::new(AtomicU32::new(0)));
        let work = |calls: Calls, made: Arc<AtomicU32>| {
            let make = || {
                let number = made.fetch_add(1, SeqCst);
                async move { Ok(number) }
            };
            block_on(calls.call(7, make)).expect("an answer")
        };
        let other = thread::spawn({
            let (calls, made) = (calls.clone(), Arc::clone(&made));
            move || work(calls, made)
        });
        let one = work(calls.clone(), Arc::clone(&made));
        let (other, made) = (other.join().expect("ends"), made.load(SeqCst));
        assert!(if made == 1 { one == other } else { made == 2 && one != other }, "{made}: {one}, {other}");
        assert_eq!(calls.in_flight(), 0);
    });
}

/// The leader goes away at any moment, also while it polls the call or has just been woken for it.
#[test]
fn loom_a_leader_that_goes_away_leaves_its_call_to_the_other() {
    loom::model(|| {
        let (calls, answer) = (calls(), Answer::new());
        let (mut leader, follower) = (joined(&calls, &answer), joined(&calls, &answer));
        let gives = thread::spawn(move || answer.give(1));
        let leaves = thread::spawn(move || {
            // As a task that is polled once more and is then aborted.
            let _ = leader.as_mut().poll(&mut Context::from_waker(&waker()));
            drop(leader);
        });
        assert_eq!(block_on(follower), Ok(1));
        leaves.join().expect("ends");
        gives.join().expect("ends");
        assert_eq!(calls.in_flight(), 0);
    });
}
