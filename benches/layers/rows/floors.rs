//! The least that anything costs: calls, shared words, clocks, boxes, mutexes.

use std::{
    convert::Infallible,
    future::ready,
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use fsm_integration_core::clock::{Clock, CoarseClock};
use governor::clock::{Clock as _, QuantaClock};

use crate::harness::{
    contender::{Lane, Row},
    service::{Ask, Ends, Noop, block_on, repeat, serve, spin},
};

pub(crate) fn row(row: &mut Row) {
    calls(row);
    shared_words(row);
    clocks(row);
    mutexes(row);
}

fn calls(row: &mut Row) {
    async fn plain(ask: Ask) -> Result<u32, Infallible> {
        Ok(ask.0)
    }
    row.floor("async fn", || repeat(plain, Ends::Well)).alone();
    row.floor("tower no-op", || serve(Noop, Ends::Well)).alone().with_tail();
    row.floor("boxed future", || repeat(|ask| Box::pin(ready(Ok::<_, Infallible>(ask.0))), Ends::Well)).alone();
}

fn shared_words(row: &mut Row) {
    row.floor("relaxed load", on_word(|word| word.load(Relaxed)));
    row.floor("fetch_add", on_word(|word| word.fetch_add(1, Relaxed)));
    row.floor(
        "compare_exchange",
        on_word(|word| word.fetch_update(Relaxed, Relaxed, |value| Some(value + 1)).unwrap_or_else(|value| value)),
    );
}

/// Tasks that do this with one word.
fn on_word(call: impl Fn(&AtomicU64) -> u64 + Copy + Send + 'static) -> impl Fn() -> Lane {
    let word = Arc::new(AtomicU64::new(0));
    move || {
        let word = Arc::clone(&word);
        spin(move |_| call(black_box(&word)))
    }
}

#[expect(clippy::disallowed_methods, reason = "it is what is measured")]
fn clocks(row: &mut Row) {
    let coarse = CoarseClock::new();
    let origin = coarse.origin();
    row.floor("coarse clock", move || spin(move |_| coarse.nanos_since(&origin))).alone();
    let quanta = QuantaClock::default();
    row.floor("quanta", move || {
        let quanta = quanta.clone();
        spin(move |_| quanta.now())
    })
    .alone();
    row.floor("std Instant::now", || spin(|_| Instant::now())).alone();
    row.floor("tokio Instant::now", || spin(|_| tokio::time::Instant::now())).alone();
}

fn mutexes(row: &mut Row) {
    let mutex = Arc::new(parking_lot::Mutex::new(0));
    row.floor("parking_lot mutex", move || {
        let mutex = Arc::clone(&mutex);
        spin(move |number| *mutex.lock() += number)
    });
    let mutex = Arc::new(std::sync::Mutex::new(0));
    row.floor("std mutex", move || {
        let mutex = Arc::clone(&mutex);
        spin(move |number| *mutex.lock().expect("nobody panics") += number)
    });
    let mutex = Arc::new(tokio::sync::Mutex::new(0));
    row.floor("tokio mutex", move || {
        let mutex = Arc::clone(&mutex);
        Box::new(move |calls| {
            block_on(async {
                for number in 0..calls {
                    *mutex.lock().await += black_box(number);
                }
            });
        })
    });
}
