use futures_util::FutureExt;
use tower::{Layer, Service, ServiceExt};

use super::*;
use crate::{
    error::{BoxError, Classify, Error, ErrorClass, Overloaded},
    observe::{Observation, Told},
    testing::{
        MockService,
        probe::{Failure, Probe},
    },
};

#[tokio::test]
async fn the_layer_passes_the_probe() {
    let probe = Probe { sheds: true, ..Probe::default() };
    probe.layer(|inner| LoadShedLayer::new().layer(inner)).await;
    probe.layer_boxed(|inner| LoadShedLayer::new().layer(inner)).await;
}

#[tokio::test]
async fn a_call_is_refused_while_the_service_is_not_ready_and_made_when_it_is_again() {
    let told = Told::default();
    let (inner, mut partner) = MockService::<_, _, Failure>::new();
    let layer = LoadShedLayer::new().with_observers(told.observers()).with_name("erp");
    let mut service = layer.layer(inner);
    partner.set_ready(false);
    assert_eq!(service.ready().await.expect("ready to refuse").call(1).await, Err(Failure::Overloaded(Overloaded)));
    assert!(partner.try_asked().is_none());
    assert_eq!(told.take(), [("erp".to_owned(), Observation::LoadShed)]);

    partner.set_ready(true);
    let call = tokio::spawn(service.oneshot(2));
    partner.asked().await.answer("done");
    assert_eq!(call.await.expect("ends"), Ok("done"));
    assert_eq!(told.take(), []);
}

/// A clone has not been polled ready, and its inner service may not be called.
#[tokio::test]
async fn a_clone_of_a_ready_service_is_not_ready() {
    let (inner, mut partner) = MockService::<_, (), Failure>::new();
    let mut service = LoadShedLayer::new().layer(inner);
    service.ready().await.expect("ready");
    assert_eq!(service.clone().call(1).await, Err(Failure::Overloaded(Overloaded)));
    assert!(service.call(2).now_or_never().is_none(), "the service itself still is");
    assert_eq!(partner.asked().await.request, 2);
}

#[test]
fn a_refusal_is_neutral_to_a_breaker_and_may_be_tried_again() {
    let class = Error::from(Overloaded).class();
    assert_eq!(class, ErrorClass::Throttled);
    assert!(!class.trips_breaker() && class.is_retryable());
    let boxed = BoxError::from(Overloaded);
    assert_eq!(boxed.class(), class);
    assert_eq!(Error::from(boxed).kind(), Error::from(Overloaded).kind());
}
