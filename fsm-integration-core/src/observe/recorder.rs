//! A recorder for tests that keeps what is recorded.

use std::{collections::BTreeMap, sync::Arc};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use parking_lot::Mutex;

/// Keeps what is recorded, by name and label values.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<BTreeMap<String, f64>>>);

struct Cell(String, Seen);

impl CounterFn for Cell {
    fn increment(&self, value: u64) {
        *self.1.0.lock().entry(self.0.clone()).or_default() += value as f64;
    }
    fn absolute(&self, _: u64) {}
}

impl HistogramFn for Cell {
    fn record(&self, value: f64) {
        self.1.0.lock().insert(self.0.clone(), value);
    }
}

impl GaugeFn for Cell {
    fn increment(&self, value: f64) {
        *self.1.0.lock().entry(self.0.clone()).or_default() += value;
    }
    fn decrement(&self, value: f64) {
        GaugeFn::increment(self, -value);
    }
    fn set(&self, value: f64) {
        self.1.0.lock().insert(self.0.clone(), value);
    }
}

impl Seen {
    fn cell(&self, key: &Key) -> Arc<Cell> {
        let labels = key.labels().map(metrics::Label::value);
        Arc::new(Cell([key.name()].into_iter().chain(labels).collect::<Vec<_>>().join(" "), self.clone()))
    }

    /// Everything since the last look.
    pub(crate) fn take(&self) -> Vec<(String, f64)> {
        std::mem::take(&mut *self.0.lock()).into_iter().collect()
    }
}

impl Recorder for Seen {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell(key))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.cell(key))
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.cell(key))
    }
}
