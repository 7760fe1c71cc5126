#[cfg(not(fsm_loom))]
mod facts;
#[cfg(fsm_loom)]
mod loom;
