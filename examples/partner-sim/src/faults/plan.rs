//! Which fault meets which call.

use bytes::Bytes;
use http::Method;
use parking_lot::Mutex;

use super::{Fault, FaultKind, FaultReport, RouteMatch};

/// The oldest spent faults are forgotten beyond this number.
const KEPT: usize = 1000;

pub(crate) struct FaultPlan(Mutex<Plan>);

struct Plan {
    faults: Vec<FaultReport>,
    dice: fastrand::Rng,
}

impl FaultPlan {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(Mutex::new(Plan { faults: Vec::new(), dice: fastrand::Rng::with_seed(seed) }))
    }

    pub(crate) fn inject(&self, fault: Fault) {
        let mut plan = self.0.lock();
        if plan.faults.len() >= KEPT {
            let oldest = plan.faults.iter().position(is_spent).unwrap_or(0);
            plan.faults.remove(oldest);
        }
        plan.faults.push(FaultReport { fault, fired: 0 });
    }

    pub(crate) fn clear(&self) {
        self.0.lock().faults.clear();
    }

    pub(crate) fn report(&self) -> Vec<FaultReport> {
        self.0.lock().faults.clone()
    }

    /// Takes the oldest fault that is left for this call.
    pub(crate) fn take(&self, method: &Method, path: &str, body: &Bytes) -> Option<FaultKind> {
        let mut plan = self.0.lock();
        let Plan { faults, dice } = &mut *plan;
        let strikes = |report: &&mut FaultReport| {
            !is_spent(report)
                && matches(&report.fault.on, method, path, body)
                && (report.fault.probability >= 1.0 || dice.f64() < report.fault.probability)
        };
        let report = faults.iter_mut().find(strikes)?;
        report.fired += 1;
        Some(report.fault.kind.clone())
    }
}

fn is_spent(report: &FaultReport) -> bool {
    report.fault.times.is_some_and(|times| report.fired >= times)
}

fn matches(on: &RouteMatch, method: &Method, path: &str, body: &Bytes) -> bool {
    let contains = |text: &String| text.is_empty() || body.windows(text.len()).any(|window| window == text.as_bytes());
    path.starts_with(&on.path)
        && on.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method.as_str()))
        && on.body_contains.as_ref().is_none_or(contains)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(plan: &FaultPlan, path: &str, body: &'static str) -> Option<FaultKind> {
        plan.take(&Method::POST, path, &Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn faults_strike_in_order_and_run_out() {
        let plan = FaultPlan::seeded(1);
        plan.inject(Fault::once("/a", FaultKind::status(500)));
        plan.inject(Fault::times("/a/b", FaultKind::LostAnswer, 2));
        assert_eq!(take(&plan, "/a/b", ""), Some(FaultKind::status(500)));
        assert_eq!(take(&plan, "/a/c", ""), None);
        assert_eq!(take(&plan, "/a/b", ""), Some(FaultKind::LostAnswer));
        assert_eq!(take(&plan, "/a/b", ""), Some(FaultKind::LostAnswer));
        assert_eq!(take(&plan, "/a/b", ""), None);
        assert_eq!(plan.report().iter().map(|report| report.fired).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn method_and_body_narrow_a_fault() {
        let plan = FaultPlan::seeded(1);
        let on = RouteMatch { path: "/a".into(), method: Some("post".into()), body_contains: Some("PX-2".into()) };
        plan.inject(Fault { on, kind: FaultKind::HangUp, times: None, probability: 1.0 });
        assert_eq!(plan.take(&Method::GET, "/a", &Bytes::from_static(b"PX-2")), None);
        assert_eq!(take(&plan, "/a", "order PX-1"), None);
        assert_eq!(take(&plan, "/a", "order PX-2"), Some(FaultKind::HangUp));
    }

    #[test]
    fn the_seed_decides_which_calls_a_probable_fault_meets() {
        let strikes = |seed| {
            let plan = FaultPlan::seeded(seed);
            plan.inject(Fault { probability: 0.3, ..Fault::always("/", FaultKind::HangUp) });
            (0..200).map(|_| take(&plan, "/", "").is_some()).collect::<Vec<_>>()
        };
        assert_eq!(strikes(7), strikes(7));
        assert_ne!(strikes(7), strikes(8));
        let count = strikes(7).into_iter().filter(|struck| *struck).count();
        assert!((30..=90).contains(&count), "{count} of 200 at 0.3");
    }
}
