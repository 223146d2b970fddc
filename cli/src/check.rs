//! `tollgate check`: says what is wrong with manifests, before a mesh does.

mod allow;
mod auth;
mod callouts;
mod config;
#[cfg(test)]
mod examples;
mod modules;
mod output;
mod pairs;
mod plugin;
mod reference;
mod scope;
mod secrets;
#[cfg(test)]
mod tests;

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use crate::fault::{Code, Fault, Level};
use crate::filters::Filters;
use crate::manifest::yaml::Node;
use crate::manifest::{Kind, Manifests, WasmPlugin};
use crate::module::Modules;
use crate::render;
use crate::report::Reporter;
use crate::run::BAD_MANIFESTS;

const EXAMPLES: &str = "\
Examples:
  tollgate check manifests/                          files, or directories with all *.yaml below them
  kubectl kustomize overlays/prod | tollgate check - what an overlay comes to
  kubectl get wasmplugin -A -o yaml | tollgate check -
  tollgate check --strict --format github manifests/ in CI: warnings fail, findings stand beside the lines
  tollgate check --modules dist manifests/           look into the modules, too
  tollgate check --list                              what is looked for

A finding that is meant to be so is accepted in the object's annotations, with the reason:
  tollgate.dev/allow: \"both-directions: calls of the workload itself are tagged, too\"

Exit status: 0 nothing but warnings and hints (with --strict: hints), 1 errors, 2 files that cannot be read.";

/// The command's arguments.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Manifests: files, directories that are searched for *.yaml and *.yml, or - for standard input.
    #[arg(required_unless_present = "list", value_name = "MANIFEST")]
    pub paths: Vec<PathBuf>,

    /// How findings are written: lines for people, a JSON array, or GitHub's workflow commands.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,

    /// Fail on warnings, too.
    #[arg(long)]
    pub strict: bool,

    /// Look at the modules in this directory; the last part of a manifest's url names the file.
    #[arg(long, value_name = "DIR")]
    pub modules: Option<PathBuf>,

    /// The Istio that the manifests are for.
    #[arg(long, value_name = "VERSION", default_value = "1.31")]
    pub istio_version: IstioVersion,

    /// The mesh's root namespace: what stands there applies everywhere.
    #[arg(long, value_name = "NAME", default_value = "istio-system")]
    pub root_namespace: String,

    /// Print what is looked for, and exit.
    #[arg(long)]
    pub list: bool,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// `file:line:col: path: message [level code]`.
    Text,
    /// An array of objects.
    Json,
    /// `::error file=…,line=…::…`.
    Github,
}

/// Major and minor version; what comes after is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct IstioVersion(u32, u32);

impl FromStr for IstioVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut numbers = text.strip_prefix('v').unwrap_or(text).split('.').map(u32::from_str);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Ok(Self(major, minor)),
            _ => Err("must be like 1.31".to_owned()),
        }
    }
}

/// Runs it.
#[must_use]
pub fn main(args: &Args) -> ExitCode {
    // What a machine reads has standard output to itself.
    let mut report = match args.format {
        Format::Text => Reporter::stdout(),
        Format::Json | Format::Github => Reporter::stderr(),
    };
    check(args, &mut std::io::stdin(), &mut std::io::stdout(), &mut report)
}

/// The same, with other ends.
pub fn check(args: &Args, input: &mut dyn Read, out: &mut dyn Write, report: &mut Reporter) -> ExitCode {
    if args.list {
        output::list(report);
        return ExitCode::SUCCESS;
    }
    let found = survey(args, input);
    if let Err(error) = output::findings(args.format, &found.faults, out, report) {
        report.bad(&format!("cannot write: {error}"));
        return ExitCode::FAILURE;
    }
    output::summary(&found, report);
    let worst = |level: Level| found.faults.iter().any(|fault| fault.code.level() == level);
    let unreadable = |fault: &Fault| matches!(fault.code, Code::Unreadable | Code::NotYaml);
    if found.faults.iter().any(unreadable) {
        ExitCode::from(BAD_MANIFESTS)
    } else if worst(Level::Error) || (args.strict && worst(Level::Warning)) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// What was looked at, and what was found.
#[derive(Debug)]
struct Found {
    /// By place.
    faults: Vec<Fault>,
    plugins: usize,
    /// Objects of other kinds.
    others: usize,
    /// Findings that their manifests accept.
    accepted: usize,
    /// What could not be looked at.
    skipped: Vec<String>,
}

/// What each rule is told.
struct Context<'a> {
    args: &'a Args,
    manifests: &'a Manifests,
    filters: &'a Filters,
    modules: Option<&'a Modules>,
}

fn survey(args: &Args, input: &mut dyn Read) -> Found {
    let (manifests, mut faults) = Manifests::survey(&args.paths, input);
    let (filters, modules) = (Filters::builtin(), args.modules.as_ref().map(Modules::new));
    let (filters, modules) = (&filters, modules.as_ref());
    let context = Context { args, manifests: &manifests, filters, modules };
    let mut skipped = skipped(args);
    let mut found = Vec::new();
    for plugin in &manifests.plugins {
        found.extend(about(plugin, &context, &mut skipped));
    }
    found.extend(pairs::check(&context));
    found.extend(render::limits_that_differ(&manifests.plugins));
    // What is wrong in itself needs no advice besides.
    found.retain(|advice| {
        let same =
            |fault: &Fault| (&fault.file, fault.at, &fault.path) == (&advice.file, advice.at, &advice.path);
        !faults.iter().any(same)
    });
    faults.extend(found);
    let before = faults.len();
    let mut faults = allow::apply(faults, &manifests.plugins);
    let accepted = before.saturating_sub(faults.iter().filter(|fault| !allow::is_own(fault)).count());
    if manifests.plugins.is_empty() && manifests.scripts == 0 && faults.is_empty() {
        faults.extend(args.paths.first().map(|path| nothing(path)));
    }
    faults.sort_by(|a, b| (&a.file, a.at, &a.path).cmp(&(&b.file, b.at, &b.path)));
    faults.dedup();
    Found { faults, plugins: manifests.plugins.len(), others: manifests.notes.len(), accepted, skipped }
}

fn about(plugin: &WasmPlugin, context: &Context<'_>, skipped: &mut Vec<String>) -> Vec<Fault> {
    let mut found = plugin::check(plugin, context);
    found.extend(reference::check(plugin));
    found.extend(scope::check(plugin, context));
    found.extend(config::check(plugin, context, skipped));
    found.extend(secrets::check(plugin));
    found.extend(auth::check(plugin));
    found.extend(callouts::check(plugin, context));
    found.extend(context.modules.map(|modules| modules::check(plugin, modules)).unwrap_or_default());
    found
}

/// A field that concerns the module, as it stands in the document.
fn module_field<'p>(plugin: &'p WasmPlugin, field: &str) -> Option<&'p Node> {
    let spec = plugin.document.get("spec")?;
    match plugin.kind {
        Kind::WasmPlugin => spec.get(field),
        Kind::TrafficExtension => spec.get("wasm")?.get(field),
    }
}

fn nothing(path: &std::path::Path) -> Fault {
    let mut message = Code::NothingToCheck.explanation().to_owned();
    if crate::manifest::has_kustomization(path) {
        let directory = path.display();
        message
            .push_str(&format!("; it is a kustomization: kubectl kustomize {directory} | tollgate check -"));
    }
    Fault { file: path.to_owned(), at: None, path: String::new(), message, code: Code::NothingToCheck }
}

/// What needs more than the manifests.
fn skipped(args: &Args) -> Vec<String> {
    let mut skipped = vec!["images (tollgate inspect), pull secrets and the proxies' environment".to_owned()];
    if args.modules.is_none() {
        skipped.push("modules (--modules)".to_owned());
    }
    skipped
}
