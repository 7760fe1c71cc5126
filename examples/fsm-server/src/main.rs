//! The field service server; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    fsm_server::cli::main()
}
