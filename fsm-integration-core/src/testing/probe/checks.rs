use std::{
    fmt,
    future::{Future, poll_fn},
    panic::AssertUnwindSafe,
    pin::pin,
};

use bytes::Bytes;
use futures_util::{
    FutureExt,
    future::{Either, join, select},
};
use tower::Service;

use super::{Inner, Probe, Request, Response, failure::Plant};
use crate::testing::{Asked, MockPartner, MockService};

impl Probe<'_> {
    pub(super) async fn check<E: Plant, S>(&self, wrap: impl Fn(Inner<E>) -> S)
    where
        S: Service<Request, Response = Response, Error = E> + Clone,
    {
        self.readiness_is_the_inner_services(&wrap).await;
        self.errors_stay_as_they_are(&wrap).await;
        self.a_dropped_future_gives_back(&wrap).await;
        self.a_panic_leaves_it_usable(&wrap).await;
    }

    async fn readiness_is_the_inner_services<E: Plant, S>(&self, wrap: impl Fn(Inner<E>) -> S)
    where
        S: Service<Request, Response = Response, Error = E> + Clone,
    {
        let (inner, mut partner) = MockService::new();
        let mut service = wrap(inner);
        partner.set_ready(false);
        let early = poll_fn(|cx| service.poll_ready(cx)).now_or_never();
        if self.sheds {
            assert!(matches!(early, Some(Ok(()))), "the layer is not ready to refuse");
            assert!(service.call((self.request)()).await.is_err(), "the layer answered without its inner service");
            assert!(partner.try_asked().is_none(), "the inner service was called although it was not ready");
            partner.set_ready(true);
        } else {
            assert!(early.is_none(), "the layer is ready although its inner service is not");
        }
        let opened = async {
            yield_once().await;
            partner.set_ready(true);
        };
        join(ready(&mut service), opened).await;

        let mut clone = service.clone();
        self.answered(&mut service, &mut partner).await;
        for service in [&mut clone, &mut service] {
            ready(service).await;
            self.answered(service, &mut partner).await;
        }
    }

    async fn errors_stay_as_they_are<E: Plant, S>(&self, wrap: impl Fn(Inner<E>) -> S)
    where
        S: Service<Request, Response = Response, Error = E> + Clone,
    {
        let (inner, mut partner) = MockService::new();
        let mut service = wrap(inner);
        ready(&mut service).await;
        match self.exchange(&mut service, &mut partner, |asked| asked.refuse(E::planted())).await {
            Err(error) => assert!(error.is_planted(), "the inner service's error came out as {error:?}"),
            Ok(_) => panic!("the inner service's error came out as an answer"),
        }
    }

    async fn a_dropped_future_gives_back<E: Plant, S>(&self, wrap: impl Fn(Inner<E>) -> S)
    where
        S: Service<Request, Response = Response, Error = E> + Clone,
    {
        let before = (self.held)();
        let (inner, mut partner) = MockService::new();
        let mut service = wrap(inner);

        ready(&mut service).await;
        drop(service.call((self.request)()));
        assert_eq!((self.held)(), before, "a future dropped before its first poll keeps what it held");
        while partner.try_asked().is_some() {}

        ready(&mut service).await;
        let mut asked = {
            let call = pin!(service.call((self.request)()));
            asked_by(call, &mut partner).await.0
        };
        yield_once().await;
        assert_eq!((self.held)(), before, "a future dropped while the call is under way keeps what it held");
        assert!(asked.dropped().now_or_never().is_some(), "the inner call goes on after its future was dropped");

        ready(&mut service).await;
        drop(service.clone());
        self.answered(&mut service, &mut partner).await;
        ready(&mut service).await;
        drop(service);
        assert_eq!((self.held)(), before, "a service dropped while ready keeps what it held");
    }

    async fn a_panic_leaves_it_usable<E: Plant, S>(&self, wrap: impl Fn(Inner<E>) -> S)
    where
        S: Service<Request, Response = Response, Error = E> + Clone,
    {
        let before = (self.held)();
        let (inner, mut partner) = MockService::new();
        let mut service = wrap(inner);
        let recorded = self.panics.map_or(0, |panics| panics());
        let is_recorded = |panics: usize| self.panics.is_none_or(|recorded_now| recorded_now() == recorded + panics);

        let mut broken = service.clone();
        ready(&mut broken).await;
        let panicked = self.exchange(&mut broken, &mut partner, Asked::panic);
        let outcome = AssertUnwindSafe(panicked).catch_unwind().await;
        assert!(!matches!(outcome, Ok(Ok(_))), "a panic came out as an answer");
        assert!(is_recorded(1), "a panic of the inner service's future is not recorded, or more than once");

        let mut broken = service.clone();
        ready(&mut broken).await;
        partner.panic_in_next_call();
        let outcome = AssertUnwindSafe(async { broken.call((self.request)()).await }).catch_unwind().await;
        assert!(!matches!(outcome, Ok(Ok(_))), "a panic came out as an answer");
        assert!(is_recorded(2), "a panic of the inner service's `call` is not recorded, or more than once");

        assert_eq!((self.held)(), before, "a call that panicked keeps what it held");
        ready(&mut service).await;
        self.answered(&mut service, &mut partner).await;
    }

    async fn answered<E: Plant, S>(&self, service: &mut S, partner: &mut MockPartner<Request, Response, E>)
    where
        S: Service<Request, Response = Response, Error = E>,
    {
        let answer = self.exchange(service, partner, |asked| asked.answer(Response::new(Bytes::from_static(b"ok"))));
        assert_eq!(answer.await.expect("the layer lets an answer through").into_body(), "ok");
    }

    async fn exchange<E: Plant, S>(
        &self,
        service: &mut S,
        partner: &mut MockPartner<Request, Response, E>,
        react: impl FnOnce(Asked<Request, Response, E>),
    ) -> Result<Response, E>
    where
        S: Service<Request, Response = Response, Error = E>,
    {
        let call = pin!(service.call((self.request)()));
        let (asked, call) = asked_by(call, partner).await;
        react(asked);
        call.await
    }
}

/// Drives the call until it reaches the inner service.
async fn asked_by<E: Plant, F>(
    call: F,
    partner: &mut MockPartner<Request, Response, E>,
) -> (Asked<Request, Response, E>, F)
where
    F: Future<Output = Result<Response, E>> + Unpin,
{
    match select(call, pin!(partner.asked())).await {
        Either::Right((asked, call)) => (asked, call),
        Either::Left((Ok(_), _)) => panic!("the layer answered without calling its inner service"),
        Either::Left((Err(error), _)) => panic!("the layer refused the probe's call: {error:?}"),
    }
}

async fn ready<S: Service<Request, Error: fmt::Debug>>(service: &mut S) {
    poll_fn(|cx| service.poll_ready(cx)).await.expect("readiness does not fail");
}

async fn yield_once() {
    tokio::task::yield_now().await;
}
