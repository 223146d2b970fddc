//! The tool, for tests that run it as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    tollgate::main()
}
