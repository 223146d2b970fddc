//! What is said at the start: what runs, where, and what to try.

use crate::args::RunArgs;
use crate::envoy::Proxy;
use crate::manifest::Phase;
use crate::plan::{Plan, Planned};
use crate::report::Reporter;

/// A plugin's annotation with commands to try, one per line, written for the port that `tollgate run` uses by default.
const TRY: &str = "tollgate.dev/try";
const DEFAULT_BASE: &str = "http://127.0.0.1:8080";

pub(super) fn print(args: &RunArgs, plan: &Plan, proxy: &Proxy, report: &mut Reporter) {
    for note in &plan.notes {
        report.note(note);
    }
    report.line("plugins, in the order in which requests pass them:");
    for (index, planned) in plan.plugins.iter().enumerate() {
        report.line(&format!("  {}. {}", index.saturating_add(1), described(planned)));
    }
    if plan.plugins.is_empty() {
        report.note("  none: requests go straight to the echo");
    }
    let (address, admin) = (proxy.address(), proxy.admin().address());
    let base = format!("{}://{address}", if args.tls_cert.is_some() { "https" } else { "http" });
    report.line(&format!("requests go to   {base}"));
    let process = if args.attach { "elsewhere".to_owned() } else { proxy.process_id().to_string() };
    report.line(&format!("Envoy's admin    http://{admin} (process {process})"));
    report.line(&format!("Envoy's files    {}", proxy.run_dir().root().display()));
    report.line("try:");
    for command in tries(plan) {
        report.line(&format!("  {}", command.replace(DEFAULT_BASE, &base)));
    }
    let mut watched: Vec<String> = args.paths.iter().map(|path| path.display().to_string()).collect();
    watched.push(args.modules.display().to_string());
    report.good(&format!("live; watching {}; Ctrl-C stops", watched.join(", ")));
}

fn described(planned: &Planned) -> String {
    let plugin = &planned.plugin;
    let phase = match plugin.spec.phase {
        Phase::Authn => "AUTHN",
        Phase::Authz => "AUTHZ",
        Phase::Stats => "STATS",
        Phase::Unspecified => "no phase",
    };
    let priority = plugin
        .spec
        .priority
        .map_or_else(|| "no priority".to_owned(), |priority| format!("priority {priority}"));
    let module = match &planned.module {
        Ok(module) => format!("{}, {} kB", module.path.display(), module.bytes.len().div_ceil(1000)),
        Err(_) => "no module".to_owned(),
    };
    format!("{} ({phase}, {priority}): {module}", plugin.full_name())
}

fn tries(plan: &Plan) -> Vec<&str> {
    let annotations = plan.plugins.iter().flat_map(|planned| &planned.plugin.metadata.annotations);
    let lines = annotations.filter(|(name, _)| name == TRY).flat_map(|(_, text)| text.lines());
    let mut commands: Vec<&str> = lines.map(str::trim).filter(|line| !line.is_empty()).collect();
    if commands.is_empty() {
        commands.push("curl -i http://127.0.0.1:8080/");
    }
    commands
}
