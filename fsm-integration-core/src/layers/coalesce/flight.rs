//! One call under way and those who wait for it.
//!
//! No lock is held while code runs that may run anything: the call, `Clone` and [`ShareError`], a destructor, a waker.

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
    /// The free places but the leader's, which is nobody else's.
    free: Vec<usize>,
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
    /// Behind a count, so that each takes its clone outside the lock.
    Landed(Arc<Outcome<T, E>>),
    /// It panicked, or its leader did before it was made; the panic is the leader's.
    Crashed(Option<Panic>),
}

/// What a caller that waits gets.
pub(super) enum Arrival<T, E> {
    Outcome(Outcome<T, E>),
    /// The call panicked, and the panic was told to the caller whose call it was.
    Crashed,
}

/// What is left when a place was given up; to be dropped, and the wakers to be woken, outside the locks.
pub(super) struct Left<T, E> {
    /// Whether nobody may board any more: nobody waits, or the call will not be made.
    pub(super) is_over: bool,
    /// Those who waited for a call that will not be made.
    pub(super) wakers: Vec<Waker>,
    #[expect(dead_code, reason = "held to be dropped outside the locks")]
    held: (Option<Waker>, Option<State<T, E>>),
}

impl<T, E> Flight<T, E> {
    /// A flight with its leader on board, at [`LEADER`].
    pub(super) fn new() -> Self {
        let places = vec![Some(Place::default())];
        let core = Core { state: State::Starting, woken: true, places, free: Vec::new(), taken: 1 };
        Self { core: Mutex::new(core) }
    }

    /// Whether nobody holds its lock.
    #[cfg(all(test, not(fsm_loom)))]
    pub(super) fn is_free(&self) -> bool {
        self.core.try_lock().is_some()
    }

    /// Takes a place.
    pub(super) fn board(&self) -> usize {
        let mut core = self.core.lock();
        core.taken += 1;
        let place = core.free.pop().unwrap_or(core.places.len());
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

    /// Gives a place up; under the lock of the map, so that nobody boards meanwhile.
    pub(super) fn leave(&self, place: usize) -> Left<T, E> {
        self.core.lock().leave(place)
    }

    /// Gives a place up if the call has ended, so that nobody boards any more.
    pub(super) fn leave_ended(&self, place: usize) -> Option<Left<T, E>> {
        let mut core = self.core.lock();
        matches!(core.state, State::Landed(_) | State::Crashed(_)).then(|| core.leave(place))
    }
}

impl<T, E> Core<T, E> {
    fn leave(&mut self, place: usize) -> Left<T, E> {
        let waker = self.places[place].take().and_then(|place| place.waker);
        if place != LEADER {
            self.free.push(place);
        }
        self.taken -= 1;
        if self.taken == 0 {
            let state = mem::replace(&mut self.state, State::Polled);
            return Left { is_over: true, wakers: Vec::new(), held: (waker, Some(state)) };
        }
        // It panicked while it made the call.
        let is_over = matches!(self.state, State::Starting) && place == LEADER;
        let wakers = if is_over { self.end(State::Crashed(None)) } else { Vec::new() };
        Left { is_over, wakers, held: (waker, None) }
    }

    /// Puts a waker in a place, and hands out the one that was there.
    fn wait(&mut self, place: usize, waker: Option<Waker>) -> Option<Waker> {
        self.places[place].replace(Place { waker }).and_then(|before| before.waker)
    }

    /// The call, if it waits to be polled.
    fn take_call(&mut self) -> Option<Call<T, E>> {
        if !self.woken || !matches!(self.state, State::Waiting(_)) {
            return None;
        }
        self.woken = false;
        match mem::replace(&mut self.state, State::Polled) {
            State::Waiting(call) => Some(call),
            _ => unreachable!("seen above"),
        }
    }

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

/// What a caller does who looks.
enum Look<T, E> {
    Share(Arc<Outcome<T, E>>),
    Crashed(Option<Panic>),
    Drive(Call<T, E>),
    Wait,
}

impl<T, E> Flight<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: ShareError + Send + Sync + 'static,
{
    /// Looks for the outcome from a place, and drives the call if that is to be done.
    ///
    /// `closed` is called before the outcome is told, so that nobody boards any more.
    pub(super) fn poll(self: &Arc<Self>, place: usize, cx: &Context<'_>, closed: impl FnOnce()) -> Poll<Arrival<T, E>> {
        match self.look(place, cx.waker().clone()) {
            Look::Wait => Poll::Pending,
            Look::Drive(call) => self.drive(place, call, closed),
            Look::Share(outcome) => Poll::Ready(Arrival::Outcome(share(&outcome))),
            Look::Crashed(None) => Poll::Ready(Arrival::Crashed),
            Look::Crashed(Some(panic)) => resume_unwind(panic),
        }
    }

    fn look(&self, place: usize, waker: Waker) -> Look<T, E> {
        let mut core = self.core.lock();
        match &mut core.state {
            State::Landed(outcome) => return Look::Share(Arc::clone(outcome)),
            State::Crashed(panic) => return Look::Crashed(if place == LEADER { panic.take() } else { None }),
            State::Starting | State::Polled | State::Waiting(_) => {}
        }
        // From before the call is polled, so that no wake-up is missed.
        let before = core.wait(place, Some(waker));
        let call = core.take_call();
        drop(core);
        drop(before);
        call.map_or(Look::Wait, Look::Drive)
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
        let before = core.wait(place, None);
        let alone = core.taken == 1;
        drop(core);
        drop(before);
        if !alone {
            // When the user's code panics, nobody shall wait for ever.
            let shared = match catch_unwind(AssertUnwindSafe(|| share(&outcome))) {
                Ok(shared) => Arc::new(shared),
                Err(panic) => return self.crash(place, panic),
            };
            let wakers = self.core.lock().end(State::Landed(shared));
            wake(wakers);
        }
        Poll::Ready(Arrival::Outcome(outcome))
    }

    fn crash(&self, place: usize, panic: Panic) -> Poll<Arrival<T, E>> {
        let mut core = self.core.lock();
        let before = core.wait(place, None);
        let is_leaders = place == LEADER || core.places[LEADER].is_none();
        let (kept, own) = if is_leaders { (None, Some(panic)) } else { (Some(panic), None) };
        let wakers = core.end(State::Crashed(kept));
        drop(core);
        drop(before);
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
impl<T: Send + Sync + 'static, E: Send + Sync + 'static> Wake for Flight<T, E> {
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
