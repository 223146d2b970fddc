//! `tollgate explain`: what the policies of manifests decide about described requests, and why.
//!
//! A fixture says which manifests, for which proxy, and what happens (`fixture`). Its plugins are compiled by the filters'
//! own code and run on plain values (`filter`), in the order of the runtime and of Envoy (`passage`). What each of them
//! did is told (`report`, `text`), and held against what the fixture expects (`expect`).

mod chain;
mod expect;
mod filter;
mod fixture;
mod hide;
mod host;
mod message;
mod moment;
mod passage;
mod report;
mod request;
mod services;
#[cfg(test)]
mod tests;
mod text;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(crate) use filter::{Filter, Surroundings, open};

use crate::fault::{Code, Fault, Faults, Position};
use crate::report::Reporter;
use crate::run::BAD_MANIFESTS;
use report::Explained;

/// The command's arguments.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  tollgate explain filters/auth-filter/examples/explain/demo.yaml
  tollgate explain checkout.yaml --manifests manifests/base
  tollgate explain fixtures/*.yaml --format json | jq '.[].requests[].answer.status'

With `expect` in it a fixture is a test of its manifests.

Exit status: 0 everything is as expected, 1 something is not (it is printed), 2 a fixture or manifest that cannot be read.")]
pub struct Args {
    /// Fixtures: YAML files that describe manifests, a proxy and requests.
    #[arg(required = true, value_name = "FIXTURE")]
    pub fixtures: Vec<PathBuf>,

    /// Manifests to use in place of those that the fixtures name.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub manifests: Vec<PathBuf>,

    /// How to say it.
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub format: Format,
}

/// How it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// A list with an object for each fixture.
    Json,
}

/// Runs it.
#[must_use]
pub fn main(args: &Args) -> ExitCode {
    let mut explained = Vec::new();
    for file in &args.fixtures {
        match explain(file, &args.manifests) {
            Ok(one) => explained.push(one),
            Err(faults) => {
                Reporter::stderr().bad(&faults.to_string());
                return ExitCode::from(BAD_MANIFESTS);
            }
        }
    }
    match args.format {
        Format::Text => {
            let mut report = Reporter::stdout();
            explained.iter().for_each(|one| text::tell(one, &mut report));
        }
        // Whoever closed our output does not want to know.
        Format::Json => {
            let json = serde_json::to_string_pretty(&explained).unwrap_or_default();
            let _ = writeln!(io::stdout().lock(), "{json}");
        }
    }
    if explained.iter().all(Explained::as_expected) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Explains one fixture, on a thread of its own: policies keep what belongs to a worker by thread, and each fixture has a
/// proxy of its own.
fn explain(file: &Path, manifests: &[PathBuf]) -> Result<Explained, Faults> {
    std::thread::scope(|scope| scope.spawn(|| chain::explain(file, manifests)).join()).unwrap_or_else(|_| {
        Err(faults(fault(file, None, "", "could not be explained: this is a fault of tollgate")))
    })
}

/// A complaint about a fixture, or about a file that it names.
fn fault(file: &Path, at: Option<Position>, path: &str, message: impl Into<String>) -> Fault {
    Fault {
        file: file.to_owned(),
        at,
        path: path.to_owned(),
        message: message.into(),
        code: Code::Unreadable,
    }
}

fn faults(fault: Fault) -> Faults {
    Faults(vec![fault])
}
