//! `tollgate schema`: the JSON Schema of a filter's manifest, for editors and for whoever checks YAML without this tool.
//!
//! `pluginConfig` is described by the filter's own types (`config`), what is around it by hand (`document`).

mod config;
mod document;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::Value;

use crate::filters::Filters;
use crate::report::Reporter;

/// `tollgate schema`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  tollgate schema auth-filter > auth-filter.json
  tollgate schema --write manifests/schemas

The first line of a manifest tells an editor (yaml-language-server) where its schema is:
  # yaml-language-server: $schema=../schemas/auth-filter.json")]
pub struct Args {
    /// The filter whose schema is printed.
    #[arg(required_unless_present = "write")]
    pub filter: Option<Filter>,

    /// Write the schemas of all filters into this directory, one file each.
    #[arg(long, value_name = "DIR", conflicts_with = "filter")]
    pub write: Option<PathBuf>,
}

/// The filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Filter {
    /// Who is calling, and what they may do.
    #[value(name = "auth-filter", alias = "auth")]
    Auth,
    /// The other three in one module.
    #[value(name = "edge-filter", alias = "edge")]
    Edge,
    /// Headers, request ids, security headers, cookies.
    #[value(name = "header-filter", alias = "header")]
    Header,
    /// How much a caller may ask for.
    #[value(name = "ratelimit-filter", alias = "ratelimit")]
    RateLimit,
}

impl Filter {
    /// The name of its module, without `.wasm`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth-filter",
            Self::Edge => "edge-filter",
            Self::Header => "header-filter",
            Self::RateLimit => "ratelimit-filter",
        }
    }

    /// The schema of a whole manifest of this filter (draft-07, which is what yaml-language-server knows best).
    #[must_use]
    pub fn schema(self) -> Value {
        // Without rules some filters have nothing to do, and say so.
        let checked = Filters::builtin().check(self.name(), b"{}", &|_| None);
        document::schema(self.name(), config::schema(self), matches!(checked, Some(Err(_))))
    }

    /// The schema as the file that is written of it.
    #[must_use]
    pub fn text(self) -> String {
        format!("{:#}\n", self.schema())
    }
}

/// Runs it.
#[must_use]
pub fn main(args: &Args) -> ExitCode {
    let done = match (&args.write, args.filter) {
        (Some(dir), _) => write(dir),
        (None, Some(filter)) => match std::io::stdout().lock().write_all(filter.text().as_bytes()) {
            // Whoever closed our output has read enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|error| format!("cannot write: {error}")),
        },
        (None, None) => Err("name a filter, or a directory with --write".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            Reporter::stderr().bad(&message);
            ExitCode::FAILURE
        }
    }
}

fn write(dir: &Path) -> Result<(), String> {
    let failed =
        |path: &Path, error: std::io::Error| format!("{}: cannot be written: {error}", path.display());
    fs::create_dir_all(dir).map_err(|error| failed(dir, error))?;
    for filter in Filter::value_variants() {
        let path = dir.join(filter.name()).with_extension("json");
        fs::write(&path, filter.text()).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}
