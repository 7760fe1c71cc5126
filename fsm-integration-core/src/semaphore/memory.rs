//! Where cores come from and go to.

use super::core::Core;

/// Cores that nobody uses.
#[cfg(not(fsm_loom))]
static AT_REST: parking_lot::Mutex<Vec<&'static Core>> = parking_lot::Mutex::new(Vec::new());

/// A core with so many places, a used one if there is one.
#[cfg(not(fsm_loom))]
pub(super) fn take(limit: usize) -> &'static Core {
    let used = AT_REST.lock().pop();
    if let Some(core) = used {
        core.renew(limit);
        return core;
    }
    Box::leak(Box::new(Core::new(limit)))
}

/// Keeps the core for the next semaphore; called once, when its owner and all its places are gone.
#[cfg(not(fsm_loom))]
pub(super) fn give_back(core: &'static Core) {
    core.put_to_rest();
    AT_REST.lock().push(core);
}

/// A model's cores live no longer than its run.
#[cfg(fsm_loom)]
pub(super) fn take(limit: usize) -> &'static Core {
    Box::leak(Box::new(Core::new(limit)))
}

/// What the models look at: that it is done once.
#[cfg(fsm_loom)]
pub(super) fn give_back(core: &'static Core) {
    core.put_to_rest();
}
