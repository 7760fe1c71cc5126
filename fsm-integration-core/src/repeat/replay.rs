use std::time::Instant;

use http::{HeaderMap, Method, Request};

use crate::adapter::{Call, Deadline};

/// A request that may be sent again, if it says so (requirement E7).
///
/// Implemented for [`http::Request`], when its method is idempotent or it carries an idempotency key, and for
/// [`Call`]. Implement it for your own request type; `None` means one attempt only.
pub trait Replay: Sized {
    /// A copy to send again, or `None` when sending twice could do the work twice.
    fn replay(&self) -> Option<Self>;

    /// Tells the inner service which attempt this is; called for attempts after the first only.
    fn set_attempt(&mut self, attempt: u32) {
        let _ = attempt;
    }

    /// Tells the inner service which hedge this is, counted from 1; called for requests beside a first one only.
    fn set_hedge(&mut self, number: u32) {
        let _ = number;
    }

    /// After this instant an answer is of no use; no wait goes beyond it.
    fn deadline(&self) -> Option<Instant> {
        None
    }
}

/// How many attempts came before this one, in the extensions of a request that is sent again.
///
/// Absent on the first attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Attempt(pub u32);

/// How many requests of the same attempt were sent before this one, in the extensions of a
/// [hedge](crate::layers::hedge).
///
/// Absent on the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hedged(pub u32);

impl<B: Clone> Replay for Request<B> {
    fn replay(&self) -> Option<Self> {
        (self.method().is_idempotent() || is_keyed(self.method(), self.headers())).then(|| self.clone())
    }

    fn set_attempt(&mut self, attempt: u32) {
        self.extensions_mut().insert(Attempt(attempt));
    }

    fn set_hedge(&mut self, number: u32) {
        self.extensions_mut().insert(Hedged(number));
    }

    fn deadline(&self) -> Option<Instant> {
        Deadline::of(self.extensions()).map(|deadline| deadline.0)
    }
}

/// Whether the receiver can tell a second sending from a second request.
fn is_keyed(method: &Method, headers: &HeaderMap) -> bool {
    const KEYS: [&str; 3] = ["idempotency-key", "x-idempotency-key", "webhook-id"];
    let has_key = |name: &str| headers.get(name).is_some_and(|key| !key.is_empty());
    (method == Method::POST || method == Method::PATCH) && KEYS.into_iter().any(has_key)
}

/// An adapter's call may always be sent again: what must not happen twice carries its own key.
impl<R: Clone> Replay for Call<R> {
    fn replay(&self) -> Option<Self> {
        Some(self.clone())
    }

    /// Adds to the attempts that came before this call.
    fn set_attempt(&mut self, attempt: u32) {
        self.context.retry_count = self.context.retry_count.saturating_add(attempt);
    }

    fn set_hedge(&mut self, number: u32) {
        self.context.hedge = number;
    }

    fn deadline(&self) -> Option<Instant> {
        self.context.deadline
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        adapter::{CorrelationId, IntegrationContext, TenantId},
        clock::{Clock, SystemClock, WallClock},
        testing::VirtualClock,
    };

    fn replays(method: Method, header: Option<(&'static str, &'static str)>) -> bool {
        let mut request = Request::new("body");
        *request.method_mut() = method;
        if let Some((name, value)) = header {
            request.headers_mut().insert(name, value.parse().expect("a header value"));
        }
        request.replay().is_some()
    }

    #[test]
    fn idempotent_methods_are_sent_again() {
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS] {
            assert!(replays(method.clone(), None), "{method}");
        }
    }

    #[test]
    fn a_request_ends_at_the_earlier_of_its_deadlines() {
        let now = SystemClock.now();
        let timestamp = VirtualClock::default().timestamp();
        let tenant = TenantId::new("demo").expect("an id");
        let mut context = IntegrationContext::system(tenant, CorrelationId::random(), timestamp);
        context.deadline = Some(now + Duration::from_secs(2));
        let mut request = Request::new(());
        assert_eq!(Replay::deadline(&request), None);
        request.extensions_mut().insert(Deadline(now + Duration::from_secs(3)));
        assert_eq!(Replay::deadline(&request), Some(now + Duration::from_secs(3)));
        request.extensions_mut().insert(context);
        assert_eq!(Replay::deadline(&request), Some(now + Duration::from_secs(2)));
    }

    // F-X1, requirement E7.
    #[test]
    fn a_post_is_sent_again_only_with_a_key() {
        for method in [Method::POST, Method::PATCH] {
            assert!(!replays(method.clone(), None));
            assert!(!replays(method.clone(), Some(("idempotency-key", ""))));
            for name in ["idempotency-key", "x-idempotency-key", "webhook-id"] {
                assert!(replays(method.clone(), Some((name, "order-1"))), "{method} {name}");
            }
        }
        assert!(!replays(Method::CONNECT, Some(("idempotency-key", "order-1"))));
    }
}
