//! `tollgate status`: what a proxy has made of its plugins, which Istio shows nowhere.
//!
//! `source` asks an Envoy or a pod, `dump` reads the configurations and listeners that Envoy says it has, `judge`
//! puts them beside the counters and comes to a verdict for each plugin, `show` writes it down.

mod digest;
mod dump;
mod judge;
mod log;
mod name;
mod show;
mod source;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::Value;

use crate::envoy::Stats;
use crate::report::Reporter;
use judge::Status;
use source::Source;

/// `tollgate status`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  tollgate status --admin http://127.0.0.1:15000
  tollgate status --pod web-7d4b9 -n shop
  tollgate status --pod web-7d4b9 -n shop --context staging --format json
  tollgate status --admin 127.0.0.1:15000 --log envoy.log --watch

Exit status: 0 every plugin serves what it was given last, 1 one does not, or nobody answers.")]
pub struct Args {
    /// Envoy's admin interface; `tollgate run` prints the address of its own.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:15000", conflicts_with = "pod")]
    pub admin: String,

    /// A pod with a sidecar, gateway or waypoint, asked through `kubectl exec`.
    #[arg(long, value_name = "NAME")]
    pub pod: Option<String>,

    /// The pod's namespace.
    #[arg(long, short, value_name = "NAME", requires = "pod")]
    pub namespace: Option<String>,

    /// The kubeconfig's context.
    #[arg(long, value_name = "NAME", requires = "pod")]
    pub context: Option<String>,

    /// The proxy's container.
    #[arg(long, value_name = "NAME", default_value = "istio-proxy", requires = "pod")]
    pub container: String,

    /// Envoy's log, for the reason of a refusal; a pod's is read without being asked.
    #[arg(long, value_name = "FILE", conflicts_with = "pod")]
    pub log: Option<PathBuf>,

    /// istio-agent's metrics, such as http://127.0.0.1:15020; a pod's are read without being asked.
    #[arg(long, value_name = "URL", conflicts_with = "pod")]
    pub agent: Option<String>,

    /// How to write it.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,

    /// Ask again every second and write whatever has changed, until Ctrl-C.
    #[arg(long)]
    pub watch: bool,
}

/// How the status is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs: one object.
    Json,
}

/// The counters that say what the dump does not; a regular expression, `|` as a URL has it.
const STATS: &str = "extension_config_discovery%7Cvm_reload%7Cwasm_vm_count%7Ctollgate_key";
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs it.
#[must_use]
pub fn main(args: &Args) -> ExitCode {
    let mut complaints = Reporter::stderr();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(look(args, &mut complaints)))
    {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complaints.bad(&error);
            ExitCode::FAILURE
        }
    }
}

/// Whether all plugins serve.
async fn look(args: &Args, complaints: &mut Reporter) -> Result<bool, String> {
    let source = Source::of(args).await?;
    let (mut said, mut complaint) = (None, None);
    loop {
        match ask(&source, args).await {
            Ok(status) => {
                complaint = None;
                if said.as_ref() != Some(&status.without_ages()) {
                    say(&status, args)?;
                    said = Some(status.without_ages());
                }
                if !args.watch {
                    return Ok(status.serving());
                }
            }
            Err(error) if !args.watch => return Err(error),
            Err(error) => {
                if complaint.as_ref() != Some(&error) {
                    complaints.bad(&error);
                }
                (said, complaint) = (None, Some(error));
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn say(status: &Status, args: &Args) -> Result<(), String> {
    match args.format {
        Format::Text => show::text(status, &mut Reporter::stdout()),
        Format::Json => {
            let text =
                serde_json::to_string_pretty(&show::json(status)).map_err(|error| error.to_string())?;
            writeln!(std::io::stdout().lock(), "{text}").map_err(|error| format!("cannot write: {error}"))?;
        }
    }
    Ok(())
}

/// One look at a proxy.
async fn ask(source: &Source, args: &Args) -> Result<Status, String> {
    let server = source.json("/server_info").await?;
    if server.get("version").and_then(Value::as_str).is_none_or(str::is_empty) {
        let message = "/server_info: this is not the answer of an Envoy; `tollgate run` prints where its admin interface is";
        return Err(message.to_owned());
    }
    // As a whole: asked for a part that a proxy does not have, Envoy says 404.
    let whole = source.json("/config_dump").await?;
    let dump = dump::read(&whole);
    let stats = Stats::parse(&source.get(&format!("/stats?filter={STATS}")).await?);
    let mut status = judge::judge(&server, &dump, &stats);
    if !status.serving() {
        let log = source.log(args.log.as_deref()).await;
        judge::explain(&mut status, log.as_deref());
    }
    if source.is_local() {
        digest::add(&mut status);
    }
    match source.agent().await {
        None => {}
        Some(Ok(metrics)) => status.agent = judge::agent(&metrics),
        Some(Err(error)) => status.notes.push(format!("istio-agent's metrics cannot be had: {error}")),
    }
    Ok(status)
}

#[cfg(test)]
mod tests;
