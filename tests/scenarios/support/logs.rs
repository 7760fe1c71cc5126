use std::{
    io::{self, Write},
    sync::{Mutex, Once},
};

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Keeps every line that the system logs from now on, down to its debug level.
pub(super) fn keep() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let filter = "info,fsm_server=debug,fsm_integration_core=debug,fsm_adapters_sales=debug,\
                      fsm_adapters_erp=debug,fsm_adapters_conexxus=debug";
        let lines = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter);
        lines.with_writer(|| Keeper).init();
    });
}

/// Every line that was logged so far, by every scenario of this process.
pub(crate) fn logged() -> String {
    String::from_utf8_lossy(&LINES.lock().unwrap()).into_owned()
}

/// The last lines that tell of trouble, for a scenario that failed.
pub(super) fn trouble() -> String {
    let lines = logged();
    let bad: Vec<_> = lines.lines().filter(|line| line.contains("\"WARN\"") || line.contains("\"ERROR\"")).collect();
    bad[bad.len().saturating_sub(5)..].join("\n")
}

struct Keeper;

impl Write for Keeper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
