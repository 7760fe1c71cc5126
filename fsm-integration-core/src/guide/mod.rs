//! The guide: which protection, in which order, shared by whom, with which numbers, tested how.
//!
//! 1. [Which protection for which trouble](choosing)
//! 2. [Which model for a circuit breaker](breaker_models)
//! 3. [In which order](ordering)
//! 4. [Who shares a handle](sharing)
//! 5. [Which limits](limits)
//! 6. [Watching what is decided](observing)
//! 7. [Testing with virtual time](testing)
//! 8. [Beside axum, tonic and reqwest](frameworks)
//! 9. [Coming from tower-resilience, resilience4j or Polly](coming_from)
//!
//! What numbers such as `R3` or `F-C1` mean that are cited here and there [stands on a page of its own](requirements).
//!
//! Every block of code on these pages is compiled and run by the tests.

#[doc = include_str!("choosing.md")]
pub mod choosing {}

#[doc = include_str!("breaker_models.md")]
pub mod breaker_models {}

#[doc = include_str!("ordering.md")]
pub mod ordering {}

#[doc = include_str!("sharing.md")]
pub mod sharing {}

#[doc = include_str!("limits.md")]
pub mod limits {}

#[doc = include_str!("observing.md")]
pub mod observing {}

#[doc = include_str!("testing.md")]
pub mod testing {}

#[doc = include_str!("frameworks.md")]
pub mod frameworks {}

#[doc = include_str!("coming_from.md")]
pub mod coming_from {}

#[doc = include_str!("requirements.md")]
pub mod requirements {}
