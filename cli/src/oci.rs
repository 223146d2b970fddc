//! `tollgate push`, `pull` and `inspect`.

use std::process::ExitCode;

/// The command's arguments.
#[derive(Debug, Clone, clap::Args)]
pub struct PushArgs {}

/// Runs it.
#[must_use]
pub fn push(_: &PushArgs) -> ExitCode {
    ExitCode::FAILURE
}

/// The command's arguments.
#[derive(Debug, Clone, clap::Args)]
pub struct PullArgs {}

/// Runs it.
#[must_use]
pub fn pull(_: &PullArgs) -> ExitCode {
    ExitCode::FAILURE
}

/// The command's arguments.
#[derive(Debug, Clone, clap::Args)]
pub struct InspectArgs {}

/// Runs it.
#[must_use]
pub fn inspect(_: &InspectArgs) -> ExitCode {
    ExitCode::FAILURE
}
