//! What every scenario needs: the running system, a caller, orders to send, the lines that were logged.

mod answer;
mod caller;
mod logs;
mod orders;
mod raw;
mod story;
mod test_app;

pub(crate) use answer::Answer;
pub(crate) use caller::Caller;
pub(crate) use logs::logged;
pub(crate) use orders::{an_order, order_at, technician, without_preferences};
pub(crate) use raw::talk;
pub(crate) use story::Placed;
pub(crate) use test_app::{TENANT, TestApp};
