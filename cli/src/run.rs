//! `tollgate run`: serve, watch, swap, stop.

mod banner;
mod print;
mod stop;

use std::net::{IpAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crate::args::RunArgs;
use crate::echo::Echo;
use crate::environment::Host;
use crate::envoy::{Applied, Node, Proxy, ProxyError, Settings, Tls, find_envoy};
use crate::fault::{Faults, printable};
use crate::fetch::Supply;
use crate::filters::Filters;
use crate::manifest::{FailStrategy, Manifests, WasmPlugin};
use crate::plan::Plan;
use crate::report::Reporter;
use crate::watch::Watch;

pub(crate) use stop::Stop;

/// Exit status: manifests that cannot be served, at the start, or read.
pub(crate) const BAD_MANIFESTS: u8 = 2;
/// Between attempts at fetching, with `--retry`.
const RETRY: Duration = Duration::from_secs(5);
/// What everyone wants to know after a refusal.
const STILL_LIVE: &str = "what was live before goes on serving";

/// Runs until it is told to stop, or Envoy ends.
pub async fn run(args: &RunArgs, report: &mut Reporter) -> ExitCode {
    let mut supply = Supply::new(&args.modules, args.fetch, args.run_dir.as_deref());
    if args.print_config {
        return print_config(args, &mut supply, report).await;
    }
    let plan = match compile(args, &mut supply, report).await {
        Ok(plan) => plan,
        Err(faults) => return bad_manifests(&faults, report),
    };
    match serve(args, plan, supply, report).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report.bad(&error);
            ExitCode::FAILURE
        }
    }
}

fn bad_manifests(faults: &Faults, report: &mut Reporter) -> ExitCode {
    report.bad(&faults.to_string());
    ExitCode::from(BAD_MANIFESTS)
}

/// What is printed is for a program to read: everything else goes elsewhere.
async fn print_config(args: &RunArgs, supply: &mut Supply, out: &mut Reporter) -> ExitCode {
    let mut aside = Reporter::stderr();
    match compile(args, supply, &mut aside).await {
        Ok(plan) => {
            plan.notes.iter().for_each(|note| aside.note(note));
            out.line(&print::everything(&plan, &settings(args, PathBuf::from("envoy"))));
            ExitCode::SUCCESS
        }
        Err(faults) => bad_manifests(&faults, &mut aside),
    }
}

/// Reads the manifests, fetches what has to be fetched, and puts all in order. What cannot be fetched is told here: it
/// is no fault of a manifest, and does not keep the others from being served.
async fn compile(args: &RunArgs, supply: &mut Supply, report: &mut Reporter) -> Result<Plan, Faults> {
    let naming = args.scope.istio_naming;
    let manifests = args.scope.view().apply(Manifests::load(&args.paths)?, naming);
    let remote = supply.to_fetch(&manifests.plugins);
    for plugin in &remote {
        report.note(&format!("{}: fetching {}", plugin.full_name(), printable(&plugin.spec.url)));
    }
    let fetched: Vec<String> = remote.iter().map(|plugin| plugin.full_name()).collect();
    let modules = supply.modules(&manifests.plugins).await;
    let host = if args.print_config { Host::Elsewhere } else { Host::Here };
    let plan = Plan::in_order(manifests, naming, &modules, &Filters::builtin(), host)?;
    for planned in plan.plugins.iter().filter(|planned| fetched.contains(&planned.plugin.full_name())) {
        if let Err(error) = &planned.module {
            report.bad(&missing(args, &planned.plugin, error));
        }
    }
    Ok(plan)
}

/// What a failed fetch means.
fn missing(args: &RunArgs, plugin: &WasmPlugin, error: &str) -> String {
    let (name, error) = (plugin.full_name(), printable(error));
    let effect = match plugin.spec.fail_strategy {
        FailStrategy::Open => "it is left out and requests pass UNFILTERED (allow-all)",
        FailStrategy::Close | FailStrategy::Reload => "every request is REFUSED with 403 (deny-all)",
    };
    let until =
        if args.retry { "until it can be fetched" } else { "until a manifest changes; --retry keeps trying" };
    let directory = args.modules.display();
    format!(
        "{name}: {error}\n{name}: as on a cluster {effect} {until}. To run a module of your own, build it into {directory}"
    )
}

fn settings(args: &RunArgs, envoy: PathBuf) -> Settings {
    let tls = args.tls_cert.clone().zip(args.tls_key.clone());
    Settings {
        attach: args.attach,
        concurrency: args.concurrency,
        address: args.address,
        port: args.port,
        admin_port: args.admin_port,
        run_dir: args.run_dir.clone(),
        node: Node::new(args.scope.namespace.as_deref().unwrap_or("default"), args.scope.labels.clone()),
        log_level: args.envoy_log_level.clone(),
        tls: tls.map(|(certificate, key)| Tls {
            certificate,
            key,
            client_authorities: args.tls_client_ca.clone(),
        }),
        ..Settings::new(envoy)
    }
}

async fn serve(args: &RunArgs, plan: Plan, supply: Supply, report: &mut Reporter) -> Result<(), String> {
    let mut stop = Stop::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let mut settings = settings(args, envoy(args)?);
    // Another Envoy's ports are not ours to try.
    if !args.attach {
        settings.port = free_port(args.address, args.port, report);
    }
    let mut watch = Watch::new()?;
    watch.watch(watched(args, &plan))?;
    let echo = match args.upstream {
        Some(_) => None,
        None => Some(Echo::start().await.map_err(|error| format!("cannot start the echo: {error}"))?),
    };
    let upstream = args.upstream.or(echo.as_ref().map(Echo::address)).ok_or("there is no upstream")?;
    if args.attach {
        report.line(&format!("waiting for an Envoy to start with {}/bootstrap.json", run_dir(args)));
    }
    let mut proxy = tokio::select! {
        started = Proxy::start(settings, upstream, &plan) => started.map_err(|error| error.to_string())?,
        () = stop.asked() => return Ok(()),
    };
    banner::print(args, &plan, &proxy, report);
    let ended = tokio::select! {
        ended = keep_serving(args, (plan, supply), &mut proxy, &mut watch, report) => Some(ended),
        () = stop.asked() => None,
    };
    match ended {
        Some(error) => {
            proxy.keep_files();
            Err(error.to_string())
        }
        None => {
            report.line(if args.attach { "stopping; Envoy goes on" } else { "stopping Envoy" });
            proxy.stop().await;
            Ok(())
        }
    }
}

/// The program to start; nothing that anybody looks at when somebody else starts it.
fn envoy(args: &RunArgs) -> Result<PathBuf, String> {
    if args.attach {
        return Ok(PathBuf::from("envoy"));
    }
    let envoy = args.envoy.clone().or_else(find_envoy).ok_or(
        "there is no Envoy: `make run` fetches one; or set TOLLGATE_ENVOY, or have `envoy` 1.40 on the PATH",
    )?;
    if envoy.is_file() {
        return Ok(envoy);
    }
    Err(format!("there is no Envoy at {}: `make run` fetches one", envoy.display()))
}

fn run_dir(args: &RunArgs) -> String {
    args.run_dir.as_deref().unwrap_or(Path::new(".")).display().to_string()
}

/// Swaps after every change, until Envoy is gone.
async fn keep_serving(
    args: &RunArgs,
    (mut plan, mut supply): (Plan, Supply),
    proxy: &mut Proxy,
    watch: &mut Watch,
    report: &mut Reporter,
) -> ProxyError {
    let mut faulty: Option<String> = None;
    let mut troubled = false;
    loop {
        // Before the files are read: what changes after this is seen.
        if let Err(error) = watch.watch(watched(args, &plan)) {
            report.bad(&error);
        }
        match compile(args, &mut supply, report).await {
            // Saving a file makes several events; one complaint is enough.
            Err(faults) if faulty.as_ref() == Some(&faults.to_string()) => {}
            Err(faults) => {
                report.bad(&faults.to_string());
                report.bad(STILL_LIVE);
                faulty = Some(faults.to_string());
                troubled = true;
            }
            Ok(next)
                if next.plugins == plan.plugins && next.clusters == plan.clusters && faulty.is_none() => {}
            Ok(next) => {
                match proxy.apply(&next).await {
                    Ok(applied) => troubled = tell(&applied, troubled, report),
                    Err(error) => return error,
                }
                faulty = None;
                plan = next;
                // Once more from the top, where the files that the new plan names are watched before they are read.
                continue;
            }
        }
        tokio::select! {
            error = proxy.ended() => return error,
            () = watch.changed() => {}
            () = tokio::time::sleep(RETRY), if args.retry && supply.lacks() => supply.try_again(),
        }
    }
}

/// Says what became of a change, and whether there is trouble.
fn tell(applied: &Applied, troubled: bool, report: &mut Reporter) -> bool {
    let took = applied.took.as_millis();
    if !applied.changed.is_empty() {
        report.good(&format!("live after {took} ms: {}", applied.changed.join(", ")));
    } else if troubled && applied.refused.is_empty() {
        report.good("fine again, and the same as what is live");
    }
    for refusal in &applied.refused {
        report.bad(&format!("Envoy refused it: {refusal}"));
        report.bad(STILL_LIVE);
    }
    !applied.refused.is_empty()
}

/// The manifests, the modules' folder, and modules that are named by file.
fn watched<'a>(args: &'a RunArgs, plan: &'a Plan) -> impl Iterator<Item = (&'a Path, bool)> {
    let manifests = args.paths.iter().map(|path| (path.as_path(), true));
    let modules = plan.plugins.iter().filter_map(|planned| planned.module.as_ref().ok());
    let modules = modules.filter(|module| !module.is_fetched).map(|module| (module.path.as_path(), false));
    manifests.chain([(args.modules.as_path(), false)]).chain(modules)
}

/// The port that was asked for, or 0 when something listens there. Envoy shares ports among its workers, so two
/// Envoys of one user would share this one without a word.
fn free_port(address: IpAddr, port: u16, report: &mut Reporter) -> u16 {
    if port == 0 || TcpListener::bind((address, port)).is_ok() {
        return port;
    }
    report.note(&format!("port {port} is taken: using a free one"));
    0
}
