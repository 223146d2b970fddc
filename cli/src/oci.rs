//! `tollgate push`, `pull` and `inspect`: modules in registries, in the form that istio-agent reads.

mod challenge;
mod credentials;
pub(crate) mod image;
mod inspect;
mod login;
pub(crate) mod manifest;
pub(crate) mod name;
mod pack;
mod pull;
mod push;
pub(crate) mod registry;
#[cfg(test)]
pub(crate) mod testing;
mod upload;
pub mod wasm;
pub(crate) mod web;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;

use crate::report::Reporter;
use crate::run::BAD_MANIFESTS;

/// `tollgate push`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  tollgate push dist/auth-filter.wasm oci://ghcr.io/you/auth-filter:1.2.0
  tollgate push dist/*.wasm --to oci://localhost:5001/tollgate:1.2.0
  tollgate push --dry-run dist/auth-filter.wasm

Standard output has one line for each module and nothing else: its reference with the digest, as spec.url of a
WasmPlugin takes it. Credentials are those of `docker login` ($DOCKER_CONFIG, else ~/.docker/config.json).

Exit status: 0 all are there, 1 one is not, 2 what is asked for makes no sense.")]
pub struct PushArgs {
    /// The module, and where to: `oci://REGISTRY/REPOSITORY[:TAG]`. Without a tag it is pushed by digest alone.
    #[arg(required = true, value_name = "FILE")]
    pub what: Vec<String>,

    /// Push any number of modules, each below this prefix under its file's name: `oci://REGISTRY/PREFIX[:TAG]`.
    #[arg(long, value_name = "PREFIX")]
    pub to: Option<String>,

    /// Speak plain HTTP, also with credentials. Registries nearby that know no TLS are found without this.
    #[arg(long)]
    pub plain_http: bool,

    /// Say what the reference would be, or without a registry the digest, and ask no network.
    #[arg(long)]
    pub dry_run: bool,
}

/// `tollgate pull`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  tollgate pull oci://ghcr.io/you/auth-filter:1.2.0
  tollgate pull oci://localhost:5001/tollgate/auth-filter@sha256:… -o auth.wasm
  tollgate pull https://example.com/auth-filter.tar.gz

What istio-agent would not take is not taken here, with its words for the reason.

Exit status: 0 it is there, 1 it is not, 2 what is asked for makes no sense.")]
pub struct PullArgs {
    /// What a WasmPlugin's spec.url may be: oci://…, https://…, http://….
    #[arg(value_name = "URL")]
    pub url: String,

    /// Where to put the module; else a file with the module's name, here.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Speak plain HTTP, also with credentials. Registries nearby that know no TLS are found without this.
    #[arg(long)]
    pub plain_http: bool,
}

/// `tollgate inspect`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  tollgate inspect dist/auth-filter.wasm
  tollgate inspect oci://ghcr.io/you/auth-filter:1.2.0
  tollgate inspect --format json oci://localhost:5001/tollgate/auth-filter:1.2.0

Exit status: 0 Istio and Envoy would take it, 1 istio-agent would not take the image, or Envoy the module, or it cannot be had, 2 there is no such thing.")]
pub struct InspectArgs {
    /// An image, oci://…, or a module's file.
    #[arg(value_name = "IMAGE|FILE")]
    pub what: String,

    /// How to write it.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,

    /// Speak plain HTTP, also with credentials. Registries nearby that know no TLS are found without this.
    #[arg(long)]
    pub plain_http: bool,
}

/// How a description is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Why a command has failed.
#[derive(Debug)]
enum Trouble {
    /// What was asked for makes no sense.
    Usage(String),
    /// It did not work out.
    Failed(String),
}

impl From<String> for Trouble {
    fn from(text: String) -> Self {
        Self::Failed(text)
    }
}

/// Runs `tollgate push`.
#[must_use]
pub fn push(args: &PushArgs) -> ExitCode {
    finish(push::push(args, &mut io::stdout().lock(), &mut Reporter::stderr()))
}

/// Runs `tollgate pull`.
#[must_use]
pub fn pull(args: &PullArgs) -> ExitCode {
    finish(pull::pull(args, &mut Reporter::stderr()))
}

/// Runs `tollgate inspect`.
#[must_use]
pub fn inspect(args: &InspectArgs) -> ExitCode {
    finish(inspect::inspect(args, &mut io::stdout().lock()))
}

/// The digest that a module has once it is pushed, `sha256:…`.
///
/// # Errors
/// When there is no memory for packing it.
pub fn digest(module: &[u8]) -> Result<String, String> {
    pack::pack(module).map(|packed| packed.digest)
}

/// The exit code: 0, 1 for a bad end, 2 for bad arguments.
fn finish(done: Result<bool, Trouble>) -> ExitCode {
    let mut report = Reporter::stderr();
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(Trouble::Failed(error)) => {
            report.bad(&error);
            ExitCode::FAILURE
        }
        Err(Trouble::Usage(error)) => {
            report.bad(&error);
            ExitCode::from(BAD_MANIFESTS)
        }
    }
}

/// Runs what waits for a network.
fn wait_for<T>(work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    let done = runtime.block_on(work);
    // A lookup of a name, or a helper that asks its user, may still be under way.
    runtime.shutdown_background();
    done
}

/// Writes a line of the answer. Whoever closes our output early has read enough.
fn say(out: &mut impl Write, line: &str) {
    let _ = writeln!(out, "{line}");
}

#[cfg(test)]
mod tests;
