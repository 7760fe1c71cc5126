//! One protected call: your own function, your own error, three layers.
//!
//! `cargo run --example quickstart`

use std::{sync::atomic::AtomicU32, sync::atomic::Ordering::Relaxed, time::Duration};

use fsm_integration_core::{
    error::{CircuitOpen, Classify, ErrorClass, TimedOut},
    layers::{
        circuit_breaker::{CircuitBreaker, CircuitBreakerConfig, CircuitBreakerLayer},
        retry::{Replay, RetryConfig, RetryLayer, RetryStrategy},
        timeout::TimeoutLayer,
    },
};
use tower::{Service, ServiceBuilder, ServiceExt};

#[derive(Debug, thiserror::Error)]
enum WeatherError {
    #[error("the weather station is busy")]
    Busy,
    #[error(transparent)]
    Open(#[from] CircuitOpen),
    #[error(transparent)]
    Late(#[from] TimedOut),
}

/// What each failure means decides what the layers do about it.
impl Classify for WeatherError {
    fn class(&self) -> ErrorClass {
        match self {
            Self::Busy => ErrorClass::Transient,
            Self::Open(_) => ErrorClass::Open,
            Self::Late(_) => ErrorClass::Timeout,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct City(&'static str);

/// A question may be asked twice.
impl Replay for City {
    fn replay(&self) -> Option<Self> {
        Some(*self)
    }
}

/// Your function: the first two times, the station is busy.
async fn forecast(City(name): City) -> Result<String, WeatherError> {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    match ASKED.fetch_add(1, Relaxed) {
        0 | 1 => Err(WeatherError::Busy),
        _ => Ok(format!("sunny in {name}")),
    }
}

#[tokio::main]
async fn main() -> Result<(), WeatherError> {
    let breaker = CircuitBreaker::new("weather", CircuitBreakerConfig::default());
    let retry = RetryConfig { initial_delay: Duration::from_millis(100), ..RetryConfig::default() };

    // Outermost first: each attempt passes the breaker, and is timed alone.
    let mut weather = ServiceBuilder::new()
        .layer(RetryLayer::new(RetryStrategy::new(retry)))
        .layer(CircuitBreakerLayer::new(breaker.clone()))
        .layer(TimeoutLayer::new(Duration::from_secs(2)))
        .service_fn(forecast);

    println!("{}", weather.ready().await?.call(City("Lyon")).await?);
    println!("the breaker is {:?}", breaker.state());
    Ok(())
}
