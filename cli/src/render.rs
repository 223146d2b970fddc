//! `tollgate render`: manifests for those who cannot read them, so that what they say stands in one place.

mod compose;
mod envoy;
mod envoy_filter;
mod limitador;
mod output;
mod traffic_extension;
mod yaml;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;

use crate::environment::{self, Compiled, Host};
use crate::fault::{Code, Fault, Faults};
use crate::filters::Filters;
use crate::manifest::{Manifests, WasmPlugin};
use crate::module::Modules;
use crate::plan::Plan;
use crate::report::Reporter;
use crate::run::BAD_MANIFESTS;

use output::File;

/// `tollgate render`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  tollgate render --to envoy -o envoy.yaml manifests/base
  tollgate render --to envoy --upstream 10.0.0.7:80 manifests/base >envoy.yaml
  tollgate render --to compose -o try manifests/base && docker compose -f try/compose.yaml up
  tollgate render --to traffic-extension manifests/base/auth-filter.yaml | kubectl apply -f -
  tollgate render --to envoy-filter manifests/base/auth-filter.yaml
  tollgate render --to limitador manifests/components/quota >limits.yaml

Exit status: 0 written, 1 there is nothing to write or no place for it, 2 a manifest is wrong or cannot be said in this form.")]
pub struct Args {
    /// For whom.
    #[arg(long, value_name = "FORM")]
    pub to: Form,

    /// Manifests: files, or directories that are searched for *.yaml and *.yml.
    #[arg(required = true, value_name = "MANIFEST")]
    pub paths: Vec<PathBuf>,

    /// Where to write: a file, for compose a directory; else standard output.
    #[arg(long, short, value_name = "PATH")]
    pub output: Option<PathBuf>,

    /// The directory with the modules, for envoy and compose; the last part of a manifest's url names the file.
    #[arg(long, value_name = "DIR", default_value = "dist")]
    pub modules: PathBuf,

    /// Where requests end, for envoy and compose: a host and a port. Else Envoy answers them itself.
    #[arg(long, value_name = "HOST:PORT")]
    pub upstream: Option<String>,

    /// The port to listen on, for envoy and compose.
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
}

/// What can be rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// One complete configuration for an Envoy without a control plane.
    Envoy,
    /// Istio's TrafficExtension (1.30 and later), as Istio itself translates a WasmPlugin.
    TrafficExtension,
    /// Istio's EnvoyFilter, for meshes that may not or cannot use WasmPlugin.
    EnvoyFilter,
    /// A compose file with an Envoy in a container, and its configuration.
    Compose,
    /// Limitador's limits file, for the global limits of rate limit filters.
    Limitador,
}

/// Why there is nothing to write.
#[derive(Debug)]
enum Failure {
    /// A manifest is wrong, or cannot be said in this form.
    Bad(Faults),
    /// There is nothing of the kind in them, or no place to write to.
    Nothing(String),
}

/// Writes to `out` what is asked for, unless to files, and all complaints to `report`.
pub fn render(args: &Args, out: &mut impl Write, report: &mut Reporter) -> ExitCode {
    let written = rendered(args, report)
        .and_then(|files| output::write(&files, args.output.as_deref(), out).map_err(Failure::Nothing));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Bad(faults)) => {
            report.bad(&faults.to_string());
            ExitCode::from(BAD_MANIFESTS)
        }
        Err(Failure::Nothing(message)) => {
            report.bad(&message);
            ExitCode::FAILURE
        }
    }
}

/// Global limits of one domain that are not the same in two plugins: the service would take the one's for the other's.
pub(crate) fn limits_that_differ(plugins: &[WasmPlugin]) -> Vec<Fault> {
    match limitador::limits(plugins) {
        Err(Failure::Bad(Faults(mut faults))) => {
            // All else is said where the configuration is compiled.
            faults.retain(|fault| fault.code == Code::LimitsDiffer);
            faults
        }
        _ => Vec::new(),
    }
}

/// A form that Istio reads holds the configuration as it is: one that a filter refuses is not written.
fn checked(manifests: &Manifests) -> Result<(), Failure> {
    let filters = Filters::builtin();
    let fault = |plugin| match environment::compile(plugin, &filters, Host::Elsewhere)? {
        Compiled::Bad(fault) => Some(fault),
        Compiled::Good | Compiled::Blocked(_) => None,
    };
    let faults: Vec<Fault> = manifests.plugins.iter().filter_map(fault).collect();
    if faults.is_empty() { Ok(()) } else { Err(Failure::Bad(Faults(faults))) }
}

fn rendered(args: &Args, report: &mut Reporter) -> Result<Vec<File>, Failure> {
    let manifests = Manifests::load(&args.paths).map_err(Failure::Bad)?;
    if manifests.plugins.is_empty() && args.to != Form::Limitador {
        return Err(Failure::Nothing("there is no plugin in these manifests".to_owned()));
    }
    let text = match args.to {
        Form::Envoy => {
            let modules = std::path::absolute(&args.modules);
            let modules =
                modules.map_err(|error| Failure::Nothing(format!("{}: {error}", args.modules.display())))?;
            let plan = plan(manifests, &modules, report)?;
            envoy::config(&plan, args, |module| module.path.clone()).map_err(Failure::Nothing)?
        }
        Form::Compose => {
            let Some(directory) = &args.output else {
                let message = "a compose file has Envoy's configuration and the modules beside it: give a directory with -o";
                return Err(Failure::Nothing(message.to_owned()));
            };
            let plan = plan(manifests, &args.modules, report)?;
            return compose::files(&plan, args, directory).map_err(Failure::Nothing);
        }
        Form::TrafficExtension => {
            checked(&manifests)?;
            yaml::documents(&traffic_extension::documents(&manifests.plugins))
        }
        Form::EnvoyFilter => {
            checked(&manifests)?;
            manifests.plugins.iter().filter_map(envoy_filter::displaced).for_each(|note| report.note(&note));
            yaml::documents(&envoy_filter::documents(manifests.plugins).map_err(Failure::Bad)?)
        }
        Form::Limitador => limitador::limits(&manifests.plugins)?,
    };
    Ok(vec![File { name: String::new(), content: text.into_bytes() }])
}

fn plan(manifests: Manifests, modules: &Path, report: &mut Reporter) -> Result<Plan, Failure> {
    let (modules, filters) = (Modules::new(modules), Filters::builtin());
    let plan = Plan::compile_for(manifests, &modules, &filters, Host::Elsewhere).map_err(Failure::Bad)?;
    plan.notes.iter().for_each(|note| report.note(note));
    Ok(plan)
}

#[cfg(test)]
mod tests;
