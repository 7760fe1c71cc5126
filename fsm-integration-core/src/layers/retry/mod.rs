//! stub
use std::time::Duration;
/// s
#[derive(Debug, Clone, Default)]
pub struct DurableSchedule {
    /// d
    pub delays: Vec<Duration>,
    /// j
    pub jitter_factor: f64,
}
impl DurableSchedule {
    /// d
    pub fn delay(&self, n: u32, _r: f64) -> Option<Duration> {
        self.delays.get(n as usize).copied()
    }
}
