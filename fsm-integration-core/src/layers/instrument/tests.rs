use std::{
    cell::Cell,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
use http::Request;
use metrics::with_local_recorder;
use parking_lot::Mutex;
use tower::{Layer, Service, service_fn};
use tracing::{
    Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use super::*;
use crate::{
    adapter::{Call, CorrelationId, IntegrationContext, TenantId},
    error::{Error, ErrorKind},
    observe::recorder::Seen,
    testing::{VirtualClock, probe::Probe},
};

/// Keeps the fields of every span.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<BTreeMap<String, String>>>);

impl Visit for Spans {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.lock().insert(field.name().to_owned(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl Subscriber for Spans {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.0.lock().insert("name".to_owned(), span.metadata().name().to_owned());
        span.record(&mut self.clone());
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &tracing::Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn layer() -> (VirtualClock, InstrumentLayer<VirtualClock>) {
    let clock = VirtualClock::default();
    (clock.clone(), InstrumentLayer::with_clock("erp", "1.2.0", clock))
}

fn context() -> IntegrationContext {
    let timestamp = "2025-01-15T10:00:00Z".parse().expect("a timestamp");
    let correlation = CorrelationId::new("c-1").expect("an id");
    IntegrationContext::system(TenantId::new("demo").expect("an id"), correlation, timestamp)
}

fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_call_is_counted_and_timed() {
    let (clock, layer) = layer();
    let seen = Seen::default();
    let mut service = layer.layer(service_fn(move |_: Call<()>| {
        clock.advance(Duration::from_millis(1_500));
        async { Ok::<_, Error>(()) }
    }));
    with_local_recorder(&seen, || {
        let call = service.call(Call { request: (), context: context() });
        call.now_or_never().expect("ready").expect("success");
    });
    let expected = [("integration_request_duration_seconds erp", 1.5), ("integration_requests_total erp success", 1.0)];
    assert_eq!(seen.take(), expected.map(|(name, value)| (name.to_owned(), value)));
}

#[test]
fn a_failure_is_counted_by_its_class() {
    let (_, layer) = layer();
    let seen = Seen::default();
    let mut service = layer.layer(service_fn(|_: Request<()>| async { Err::<(), _>(Error::from(ErrorKind::Timeout)) }));
    with_local_recorder(&seen, || {
        service.call(Request::new(())).now_or_never().expect("ready").expect_err("failure");
    });
    let names: Vec<_> = seen.take().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names[0], "integration_errors_total erp timeout");
    assert_eq!(names[2], "integration_requests_total erp failure");
}

#[test]
fn a_dropped_call_is_counted_as_cancelled() {
    let (_, layer) = layer();
    let seen = Seen::default();
    let mut service = layer.layer(service_fn(|_: Request<()>| std::future::pending::<Result<(), Error>>()));
    with_local_recorder(&seen, || drop(service.call(Request::new(()))));
    let names: Vec<_> = seen.take().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names[0], "integration_errors_total erp cancelled");
    assert_eq!(names[2], "integration_requests_total erp cancelled");
}

#[test]
fn a_panic_is_counted_in_the_call_and_in_its_future() {
    let (_, layer) = layer();
    let in_future = service_fn(|_: Request<()>| async { if true { panic!("planted") } else { Ok::<(), Error>(()) } });
    let in_call = service_fn(|_: Request<()>| -> std::future::Ready<Result<(), Error>> { panic!("planted") });
    let seen = Seen::default();
    with_local_recorder(&seen, || {
        let (mut one, mut other) = (layer.layer(in_future), layer.layer(in_call));
        let mut call = Box::pin(one.call(Request::new(())));
        assert!(catch_unwind(AssertUnwindSafe(|| call.as_mut().now_or_never())).is_err());
        drop(call);
        assert!(catch_unwind(AssertUnwindSafe(|| other.call(Request::new(())))).is_err());
    });
    assert!(seen.take().contains(&("integration_errors_total erp panic".to_owned(), 2.0)));
}

#[test]
fn the_span_says_who_calls_and_how_it_ended() {
    let (_, layer) = layer();
    let inner = service_fn(|request: Request<()>| async move {
        if request.uri().path() == "/fails" { Err(Error::new(ErrorKind::Unavailable, "secret text")) } else { Ok(()) }
    });
    let mut service = layer.layer(inner);
    let mut span_of = |path: &'static str| {
        let spans = Spans::default();
        let mut request = Request::builder().uri(path).body(()).expect("a request");
        request.extensions_mut().insert(context());
        tracing::subscriber::with_default(spans.clone(), || {
            // A span that another test's thread reaches first is cached as unwanted, since that thread has no
            // subscriber: reach it once, then ask anew.
            let _ = service.call(Request::new(())).now_or_never().expect("ready");
            tracing::callsite::rebuild_interest_cache();
            spans.0.lock().clear();
            let _ = service.call(request).now_or_never().expect("ready");
        });
        std::mem::take(&mut *spans.0.lock())
    };
    let known = [
        ("name", "integration.execute"),
        ("adapter.id", "erp"),
        ("adapter.version", "1.2.0"),
        ("correlation.id", "c-1"),
        ("tenant.id", "demo"),
    ];
    let with = |end: &[(&str, &str)]| fields(&[&known, end].concat());
    assert_eq!(span_of("/"), with(&[("status", "success"), ("otel.status_code", "OK")]));
    let failed = [("status", "failure"), ("otel.status_code", "ERROR"), ("error.type", "transient")];
    assert_eq!(span_of("/fails"), with(&failed));
}

#[tokio::test(start_paused = true)]
async fn the_layer_passes_the_probe() {
    let seen = Seen::default();
    let _guard = metrics::set_default_local_recorder(&seen);
    let (layer, sum) = (InstrumentLayer::new("probe", "0.0.0"), Cell::new(0));
    let panics = || {
        let counted = seen.take().into_iter().find(|(series, _)| series == "integration_errors_total probe panic");
        sum.set(sum.get() + counted.map_or(0, |(_, count)| count as usize));
        sum.get()
    };
    let probe = Probe { panics: Some(&panics), ..Probe::default() };
    probe.layer(|inner| layer.layer(inner)).await;
    probe.layer_boxed(|inner| layer.layer(inner)).await;
}
