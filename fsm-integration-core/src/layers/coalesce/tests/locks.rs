//! No lock is held while code runs that may run anything: a clone, a destructor, a waker. loom's lock cannot be tried.

use std::{
    sync::{OnceLock, Weak},
    task::{Context, Wake, Waker},
};

use parking_lot::Mutex;

use super::*;
use crate::layers::coalesce::flight::Flight;

type Answers = Coalesce<&'static str, Answer, Error>;

/// Looks whether the lock of the handle and that of the call under way are free.
#[derive(Default)]
struct Watch {
    coalesce: Answers,
    flight: OnceLock<Weak<Flight<Answer, Error>>>,
    /// What it was looked at for, and whether both were free.
    seen: Mutex<Vec<(&'static str, bool)>>,
}

impl Watch {
    /// Watches the one call under way.
    fn watch(&self) {
        let flight = self.coalesce.shared.flights.lock().get("a").map(Arc::downgrade);
        self.flight.set(flight.expect("a call is under way")).expect("watched once");
    }

    fn look(&self, at: &'static str) {
        let flight = self.flight.get().and_then(Weak::upgrade);
        let is_free = self.coalesce.shared.flights.try_lock().is_some() && flight.is_none_or(|flight| flight.is_free());
        self.seen.lock().push((at, is_free));
    }

    fn seen(&self) -> Vec<(&'static str, bool)> {
        std::mem::take(&mut self.seen.lock())
    }
}

struct Answer(Arc<Watch>);

impl Clone for Answer {
    fn clone(&self) -> Self {
        self.0.look("clone");
        Self(Arc::clone(&self.0))
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.0.look("drop");
    }
}

struct Waits(Arc<Watch>);

impl Wake for Waits {
    fn wake(self: Arc<Self>) {
        self.0.look("wake");
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.look("drop");
    }
}

fn poll_with<F: Future + Unpin>(future: &mut F, watch: &Arc<Watch>) -> Poll<F::Output> {
    let waker = Waker::from(Arc::new(Waits(Arc::clone(watch))));
    std::pin::Pin::new(future).poll(&mut Context::from_waker(&waker))
}

#[tokio::test]
async fn answers_are_cloned_and_dropped_outside_the_locks() {
    let watch = Arc::new(Watch::default());
    let (answer, answered) = oneshot::channel();
    let make = || async { answered.await.map_err(|_| Error::from(ErrorKind::Internal)) };
    let mut leader = Box::pin(watch.coalesce.call("a", make));
    let [mut follower, mut gone] = [(); 2].map(|()| Box::pin(watch.coalesce.call("a", pending)));
    assert!(poll!(leader.as_mut()).is_pending());
    watch.watch();
    assert!(poll!(follower.as_mut()).is_pending() && poll!(gone.as_mut()).is_pending());
    assert!(answer.send(Answer(Arc::clone(&watch))).is_ok());
    drop(leader.await);
    assert_eq!(watch.seen(), [("clone", true), ("drop", true)], "the leader has the first, a clone is kept");
    drop(follower.await);
    assert_eq!(watch.seen(), [("clone", true), ("drop", true)]);
    drop(gone);
    assert_eq!(watch.seen(), [("drop", true)], "what was kept goes with the last who might have had it");
}

#[tokio::test]
async fn wakers_are_dropped_outside_the_locks() {
    let watch = Arc::new(Watch::default());
    let mut call = Box::pin(watch.coalesce.call("a", pending));
    assert!(poll!(call.as_mut()).is_pending());
    watch.watch();
    assert!(poll_with(&mut call, &watch).is_pending());
    assert_eq!(watch.seen(), []);
    assert!(poll_with(&mut call, &watch).is_pending());
    assert_eq!(watch.seen(), [("drop", true)], "the new one takes its place");
    drop(call);
    assert_eq!(watch.seen(), [("drop", true)], "the place is given up");
}

/// A waker that polls at once would wait for a lock that is held around it.
#[tokio::test]
async fn followers_are_woken_outside_the_locks_when_their_leader_panics() {
    let watch = Arc::new(Watch::default());
    let mut follower = Box::pin(watch.coalesce.call("a", pending));
    let make = || -> std::future::Pending<Result<Answer, Error>> {
        watch.watch();
        assert!(poll_with(&mut follower, &watch).is_pending());
        panic!("boom")
    };
    assert!(AssertUnwindSafe(watch.coalesce.call("a", make)).catch_unwind().await.is_err());
    assert_eq!(watch.seen(), [("wake", true), ("drop", true)]);
}

/// Those of one key whose answer takes long to clone hold up nobody: not even each other.
#[tokio::test]
async fn answers_are_cloned_side_by_side() {
    /// A clone that ends when another has begun.
    struct Meets(Arc<std::sync::Barrier>, bool);
    impl Clone for Meets {
        fn clone(&self) -> Self {
            if self.1 {
                self.0.wait();
            }
            Self(Arc::clone(&self.0), true)
        }
    }
    let coalesce = Shared::<Meets>::default();
    let (answer, answered) = oneshot::channel();
    let make = || async { answered.await.map_err(|_| Error::from(ErrorKind::Internal)) };
    let mut leader = Box::pin(coalesce.call("a", make));
    assert!(poll!(leader.as_mut()).is_pending());
    let follow = |()| {
        let coalesce = coalesce.clone();
        Box::pin(async move { coalesce.call("a", pending).await.is_ok() })
    };
    let mut followers = [(); 2].map(follow);
    for follower in &mut followers {
        assert!(poll!(follower.as_mut()).is_pending());
    }
    assert!(answer.send(Meets(Arc::new(std::sync::Barrier::new(2)), false)).is_ok());
    drop(leader.await);
    let (ended, has_ended) = std::sync::mpsc::channel();
    for follower in followers {
        let ended = ended.clone();
        std::thread::spawn(move || ended.send(follower.now_or_never()));
    }
    for _ in 0..2 {
        assert_eq!(has_ended.recv_timeout(10 * SECOND).expect("no follower waits for the other"), Some(true));
    }
}
