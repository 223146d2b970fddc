//! `tollgate`, the operator's tool: runs WasmPlugin manifests on a local Envoy and swaps them live.
//!
//! The way through: [`manifest`] reads YAML into [`manifest::WasmPlugin`]s, [`plan`] checks each one with the filter's
//! own code and finds its module and the [`cluster`]s that it may call, [`envoy`] writes what istiod and istio-agent would have delivered and waits until
//! Envoy has taken it, [`run`] does so again whenever a file changes. [`echo`] is the upstream that requests end at.

pub mod args;
pub mod cluster;
pub mod echo;
pub mod envoy;
pub mod fault;
pub mod filters;
pub mod manifest;
pub mod module;
pub mod plan;
pub mod report;
pub mod run;
pub mod watch;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Args, Command};
use crate::report::Reporter;

/// The whole program: what `main.rs` calls, and the end-to-end suite's copy of it.
#[must_use]
pub fn main() -> ExitCode {
    let args = Args::parse();
    let mut report = Reporter::stdout();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            report.bad(&format!("cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match args.command {
        Command::Run(args) => runtime.block_on(run::run(&args, &mut report)),
    }
}
