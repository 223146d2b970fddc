//! `tollgate schema`.

use std::process::ExitCode;

/// The command's arguments.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {}

/// Runs it.
#[must_use]
pub fn main(_: &Args) -> ExitCode {
    ExitCode::FAILURE
}
