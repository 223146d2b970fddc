//! `tollgate`, the operator's tool: runs WasmPlugin manifests on a local Envoy and swaps them live.
//!
//! The way through: [`manifest`] reads YAML into [`manifest::WasmPlugin`]s, [`plan`] checks each one with the filter's
//! own code and finds its module and the [`cluster`]s that it may call, [`envoy`] writes what istiod and istio-agent would have delivered and waits until
//! Envoy has taken it, [`run`] does so again whenever a file changes. [`echo`] is the upstream that requests end at. [`render`] writes what another
//! service has to be told of the same manifests.

pub mod args;
pub mod check;
pub mod cluster;
pub mod completions;
pub mod echo;
pub mod environment;
pub mod envoy;
pub mod explain;
pub mod fault;
pub mod fetch;
pub mod filters;
pub mod manifest;
pub mod module;
pub mod oci;
pub mod plan;
pub mod render;
pub mod report;
pub mod run;
pub mod schema;
pub mod scope;
pub mod status;
pub mod watch;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Args, Command, RunArgs};
use crate::report::Reporter;

/// The whole program: what `main.rs` calls, and the end-to-end suite's copy of it.
#[must_use]
pub fn main() -> ExitCode {
    match Args::parse().command {
        Command::Run(args) => serve(&args),
        Command::Echo(args) => echo::main(&args),
        Command::Check(args) => check::main(&args),
        Command::Status(args) => status::main(&args),
        Command::Explain(args) => explain::main(&args),
        Command::Push(args) => oci::push(&args),
        Command::Pull(args) => oci::pull(&args),
        Command::Inspect(args) => oci::inspect(&args),
        Command::Schema(args) => schema::main(&args),
        Command::Completions(args) => completions::main(&args),
        Command::Render(args) => {
            render::render(&args, &mut std::io::stdout().lock(), &mut Reporter::stderr())
        }
    }
}

fn serve(args: &RunArgs) -> ExitCode {
    let mut report = Reporter::stdout();
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run::run(args, &mut report)),
        Err(error) => {
            report.bad(&format!("cannot start: {error}"));
            ExitCode::FAILURE
        }
    }
}
