use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tower::Service;

use crate::error::BoxError;

/// A tower service whose answers the test gives, call by call.
///
/// It is strict about tower's contract: an instance that is called without having been polled ready
/// panics, and a clone is never ready.
///
/// ```
/// use fsm_integration_core::testing::MockService;
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let (service, mut partner) = MockService::<_, _>::new();
/// let answer = tokio::spawn(service.oneshot("hello"));
/// let asked = partner.asked().await;
/// assert_eq!(asked.request, "hello");
/// asked.answer("world");
/// assert_eq!(answer.await.unwrap().unwrap(), "world");
/// # }
/// ```
pub struct MockService<Request, Response, E = BoxError> {
    calls: mpsc::UnboundedSender<Asked<Request, Response, E>>,
    gate: Arc<Mutex<Gate>>,
    ready: bool,
}

/// The other end of a [`MockService`]: receives its calls and answers them.
pub struct MockPartner<Request, Response, E = BoxError> {
    calls: mpsc::UnboundedReceiver<Asked<Request, Response, E>>,
    gate: Arc<Mutex<Gate>>,
}

/// One call that waits for the test's answer; dropping it makes the caller panic.
pub struct Asked<Request, Response, E = BoxError> {
    /// What was asked.
    pub request: Request,
    reply: oneshot::Sender<Result<Response, E>>,
}

/// The answer of a [`MockService`], as soon as the test gives it.
pub struct MockFuture<Response, E = BoxError>(oneshot::Receiver<Result<Response, E>>);

#[derive(Debug, Default)]
struct Gate {
    shut: bool,
    panics: bool,
    waiting: Vec<Waker>,
}

impl<Request, Response, E> MockService<Request, Response, E> {
    /// Creates a service that is ready, and its other end.
    #[must_use]
    pub fn new() -> (Self, MockPartner<Request, Response, E>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let gate = Arc::<Mutex<Gate>>::default();
        (Self { calls: sender, gate: Arc::clone(&gate), ready: false }, MockPartner { calls: receiver, gate })
    }
}

impl<Request, Response, E> Service<Request> for MockService<Request, Response, E> {
    type Response = Response;
    type Error = E;
    type Future = MockFuture<Response, E>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        let mut gate = self.gate.lock();
        if gate.shut {
            gate.waiting.push(cx.waker().clone());
            return Poll::Pending;
        }
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> MockFuture<Response, E> {
        assert!(std::mem::take(&mut self.ready), "the service was called without having been polled ready");
        assert!(!std::mem::take(&mut self.gate.lock().panics), "the test asked this call to panic");
        let (reply, answer) = oneshot::channel();
        // A partner that is gone never answers: the future says so.
        let _ = self.calls.send(Asked { request, reply });
        MockFuture(answer)
    }
}

impl<Request, Response, E> MockPartner<Request, Response, E> {
    /// Waits for the next call.
    ///
    /// # Panics
    /// When every service is dropped, so that no call can come.
    pub async fn asked(&mut self) -> Asked<Request, Response, E> {
        self.calls.recv().await.expect("a service to be called by is left")
    }

    /// The next call, if one has come.
    pub fn try_asked(&mut self) -> Option<Asked<Request, Response, E>> {
        self.calls.try_recv().ok()
    }

    /// Makes the service ready, or busy.
    pub fn set_ready(&self, ready: bool) {
        let woken = {
            let mut gate = self.gate.lock();
            gate.shut = !ready;
            if ready { std::mem::take(&mut gate.waiting) } else { Vec::new() }
        };
        // Outside of the lock: whoever is woken may ask at once.
        woken.into_iter().for_each(Waker::wake);
    }

    /// Makes the service's next `call` panic before it makes a future.
    pub fn panic_in_next_call(&self) {
        self.gate.lock().panics = true;
    }
}

impl<Request, Response, E> Asked<Request, Response, E> {
    /// Answers the call.
    pub fn answer(self, response: Response) {
        self.reply(Ok(response));
    }

    /// Fails the call.
    pub fn refuse(self, error: E) {
        self.reply(Err(error));
    }

    /// Makes the call's future panic when it is next polled.
    pub fn panic(self) {}

    /// Whether the caller has dropped the call's future.
    #[must_use]
    pub fn is_dropped(&self) -> bool {
        self.reply.is_closed()
    }

    /// Waits until the caller drops the call's future.
    pub async fn dropped(&mut self) {
        poll_fn(|cx| self.reply.poll_closed(cx)).await;
    }

    fn reply(self, result: Result<Response, E>) {
        // A caller that went away needs no answer.
        let _ = self.reply.send(result);
    }
}

impl<Response, E> Future for MockFuture<Response, E> {
    type Output = Result<Response, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(ready!(Pin::new(&mut self.0).poll(cx)).expect("the test answers every call that it does not panic"))
    }
}

impl<Request, Response, E> Clone for MockService<Request, Response, E> {
    fn clone(&self) -> Self {
        Self { calls: self.calls.clone(), gate: Arc::clone(&self.gate), ready: false }
    }
}

impl<Request, Response, E> fmt::Debug for MockService<Request, Response, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockService").field("ready", &self.ready).finish_non_exhaustive()
    }
}

impl<Request, Response, E> fmt::Debug for MockPartner<Request, Response, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockPartner").field("waiting", &self.calls.len()).finish_non_exhaustive()
    }
}

impl<Request: fmt::Debug, Response, E> fmt::Debug for Asked<Request, Response, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").field("request", &self.request).finish_non_exhaustive()
    }
}

impl<Response, E> fmt::Debug for MockFuture<Response, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MockFuture").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Wake;

    use super::*;

    /// Asks the service again when it is woken.
    struct Asks(MockService<(), ()>, std::sync::mpsc::Sender<bool>);
    impl Wake for Asks {
        fn wake(self: Arc<Self>) {
            let ready = self.0.clone().poll_ready(&mut Context::from_waker(Waker::noop())).is_ready();
            self.1.send(ready).unwrap();
        }
    }

    #[test]
    fn whoever_is_woken_may_ask_at_once() {
        let (mut service, partner) = MockService::<(), ()>::new();
        partner.set_ready(false);
        let (told, woken) = std::sync::mpsc::channel();
        let waker = Waker::from(Arc::new(Asks(service.clone(), told)));
        assert!(service.poll_ready(&mut Context::from_waker(&waker)).is_pending());
        // On a thread of its own, for a gate that locks itself out would never come back.
        std::thread::spawn(move || partner.set_ready(true));
        assert_eq!(woken.recv_timeout(std::time::Duration::from_secs(20)), Ok(true));
    }
}
