//! One call under way and those who wait for it.

use std::{
    any::Any,
    future::Future,
    mem,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use super::ShareError;
use crate::sync::Mutex;

type Outcome<T, E> = Result<T, E>;
type Call<T, E> = Pin<Box<dyn Future<Output = Outcome<T, E>> + Send>>;
type Panic = Box<dyn Any + Send>;

/// The place of the caller whose call it is.
pub(super) const LEADER: usize = 0;

/// A call that everybody who waits for it drives: whoever is polled first after it was woken polls it.
///
/// All are woken, not one: the one might be a task that holds its future without polling it, and the others would wait
/// for nothing.
pub(super) struct Flight<T, E> {
    core: Mutex<Core<T, E>>,
}

struct Core<T, E> {
    state: State<T, E>,
    /// The call was woken since it was last polled.
    woken: bool,
    /// Who waits; free places are `None`.
    places: Vec<Option<Place>>,
    taken: usize,
}

#[derive(Default)]
struct Place {
    waker: Option<Waker>,
}

enum State<T, E> {
    /// The leader is about to make the call.
    Starting,
    /// Somebody polls it.
    Polled,
    Waiting(Call<T, E>),
    Landed(Outcome<T, E>),
    /// It panicked, or its leader did before it was made; the panic is the leader's.
    Crashed(Option<Panic>),
}

/// What a caller that waits gets.
pub(super) enum Arrival<T, E> {
    Outcome(Outcome<T, E>),
    /// The call panicked, and the panic was told to the caller whose call it was.
    Crashed,
}

/// What is left to do after a place was given up.
pub(super) enum Left<T, E> {
    /// Others wait for it.
    Others,
    /// Others waited for it, and it will not be made: they are to be woken outside the locks.
    Crashed(Vec<Waker>),
    /// Nobody waits any more: the call is to be dropped.
    Last(#[allow(dead_code, reason = "held to be dropped outside the locks")] Option<Call<T, E>>),
}

impl<T, E> Flight<T, E> {
    /// A flight with its leader on board, at [`LEADER`].
    pub(super) fn new() -> Self {
        let places = vec![Some(Place::default())];
        Self { core: Mutex::new(Core { state: State::Starting, woken: true, places, taken: 1 }) }
    }

    /// Takes a place.
    pub(super) fn board(&self) -> usize {
        let mut core = self.core.lock();
        core.taken += 1;
        // Looked for only where there is one, so that a crowd that comes at once is not counted through by each of it.
        let has_free = core.taken <= core.places.len();
        let free = if has_free { core.places.iter().skip(1).position(Option::is_none) } else { None };
        let place = free.map_or(core.places.len(), |index| index + 1);
        if place == core.places.len() {
            core.places.push(None);
        }
        core.places[place] = Some(Place::default());
        place
    }

    /// The leader made the call, and polls it next.
    pub(super) fn start(&self, call: Call<T, E>) {
        let mut core = self.core.lock();
        core.state = State::Waiting(call);
    }

    /// Gives a place up.
    pub(super) fn leave(&self, place: usize) -> Left<T, E> {
        let mut core = self.core.lock();
        core.places[place] = None;
        core.taken -= 1;
        if core.taken == 0 {
            let call = match mem::replace(&mut core.state, State::Polled) {
                State::Waiting(call) => Some(call),
                _ => None,
            };
            return Left::Last(call);
        }
        if matches!(core.state, State::Starting) && place == LEADER {
            // It panicked while it made the call.
            return Left::Crashed(core.end(State::Crashed(None)));
        }
        Left::Others
    }
}

impl<T, E> Core<T, E> {
    fn take_wakers(&mut self) -> Vec<Waker> {
        self.places.iter_mut().flatten().filter_map(|place| place.waker.take()).collect()
    }

    fn end(&mut self, state: State<T, E>) -> Vec<Waker> {
        self.state = state;
        self.take_wakers()
    }
}

pub(super) fn wake(wakers: Vec<Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}

impl<T, E> Flight<T, E>
where
    T: Clone + Send + 'static,
    E: ShareError + Send + 'static,
{
    /// Looks for the outcome from a place, and drives the call if that is to be done.
    ///
    /// `closed` is called before the outcome is told, so that nobody boards any more.
    pub(super) fn poll(self: &Arc<Self>, place: usize, cx: &Context<'_>, closed: impl FnOnce()) -> Poll<Arrival<T, E>> {
        let mut core = self.core.lock();
        match &mut core.state {
            // The user's `Clone` under the flight's own lock, so that `T` need not be `Sync`: nobody boards any more, and
            // who calls for the key anew does not come by here.
            State::Landed(outcome) => return Poll::Ready(Arrival::Outcome(share(outcome))),
            State::Crashed(panic) => {
                let panic = if place == LEADER { panic.take() } else { None };
                drop(core);
                return panic.map_or(Poll::Ready(Arrival::Crashed), |panic| resume_unwind(panic));
            }
            State::Starting | State::Polled | State::Waiting(_) => {}
        }
        // From before the call is polled, so that no wake-up is missed.
        core.places[place] = Some(Place { waker: Some(cx.waker().clone()) });
        if !core.woken || !matches!(core.state, State::Waiting(_)) {
            return Poll::Pending;
        }
        let State::Waiting(call) = mem::replace(&mut core.state, State::Polled) else { unreachable!("seen above") };
        core.woken = false;
        drop(core);
        self.drive(place, call, closed)
    }

    fn drive(self: &Arc<Self>, place: usize, mut call: Call<T, E>, closed: impl FnOnce()) -> Poll<Arrival<T, E>> {
        let waker = Waker::from(Arc::clone(self));
        let polled = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(&mut Context::from_waker(&waker))));
        match polled {
            Ok(Poll::Pending) => {
                let mut core = self.core.lock();
                core.state = State::Waiting(call);
                // Those who came while it was polled, and after it was woken.
                let wakers = if core.woken { core.take_wakers() } else { Vec::new() };
                drop(core);
                wake(wakers);
                Poll::Pending
            }
            Ok(Poll::Ready(outcome)) => {
                closed();
                self.land(place, outcome)
            }
            Err(panic) => {
                // A call whose poll panicked may panic in its destructor too; that one has nowhere to go.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(call)));
                closed();
                self.crash(place, panic)
            }
        }
    }

    fn land(&self, place: usize, outcome: Outcome<T, E>) -> Poll<Arrival<T, E>> {
        let mut core = self.core.lock();
        core.places[place] = Some(Place::default());
        let alone = core.taken == 1;
        drop(core);
        if !alone {
            // The user's code, outside the lock; when it panics, nobody shall wait for ever.
            let shared = match catch_unwind(AssertUnwindSafe(|| share(&outcome))) {
                Ok(shared) => shared,
                Err(panic) => return self.crash(place, panic),
            };
            let wakers = self.core.lock().end(State::Landed(shared));
            wake(wakers);
        }
        Poll::Ready(Arrival::Outcome(outcome))
    }

    fn crash(&self, place: usize, panic: Panic) -> Poll<Arrival<T, E>> {
        let mut core = self.core.lock();
        core.places[place] = Some(Place::default());
        let is_leaders = place == LEADER || core.places[LEADER].is_none();
        let (kept, own) = if is_leaders { (None, Some(panic)) } else { (Some(panic), None) };
        let wakers = core.end(State::Crashed(kept));
        drop(core);
        wake(wakers);
        own.map_or(Poll::Ready(Arrival::Crashed), |panic| resume_unwind(panic))
    }
}

fn share<T: Clone, E: ShareError>(outcome: &Outcome<T, E>) -> Outcome<T, E> {
    match outcome {
        Ok(value) => Ok(value.clone()),
        Err(error) => Err(error.share()),
    }
}

/// The call's own waker: all who wait are woken, the first to be polled polls the call.
impl<T: Send + 'static, E: Send + 'static> Wake for Flight<T, E> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut core = self.core.lock();
        core.woken = true;
        let wakers = core.take_wakers();
        drop(core);
        wake(wakers);
    }
}
