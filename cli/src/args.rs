//! The command line.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Tollgate: WebAssembly filters for Envoy and Istio.
#[derive(Debug, Parser)]
#[command(
    name = "tollgate",
    version,
    after_help = "Examples:
  tollgate check manifests/
  tollgate run manifests/base
  tollgate explain filters/auth-filter/examples/explain/demo.yaml
  tollgate render --to envoy -o envoy.yaml manifests/base
  tollgate status --pod web-7d4b9 -n shop

`tollgate help <command>` has more."
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve WasmPlugin manifests on a local Envoy in front of an echo, and swap them live when a file changes.
    Run(Box<RunArgs>),
    /// Answer every request with what arrived: the upstream of `run`, by itself.
    Echo(EchoArgs),
    /// Say what is wrong with manifests, before a mesh does.
    Check(crate::check::Args),
    /// Say what a proxy has made of its plugins: loaded, refused, replaced by deny-all.
    Status(crate::status::Args),
    /// Say what the policies of manifests decide about a described request, and why.
    Explain(crate::explain::Args),
    /// Write manifests in another form: for a plain Envoy, another kind of Istio's, a container, Limitador.
    Render(crate::render::Args),
    /// Put a module into a registry, as Istio can read it.
    Push(crate::oci::PushArgs),
    /// Get a module out of a registry, as Istio would.
    Pull(crate::oci::PullArgs),
    /// Describe a module, in a registry or in a file.
    Inspect(crate::oci::InspectArgs),
    /// Write the JSON Schema of a filter's manifest.
    Schema(crate::schema::Args),
    /// Write the completions for a shell.
    Completions(crate::completions::Args),
}

/// `tollgate echo`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  tollgate echo
  tollgate echo --listen 0.0.0.0:8000")]
pub struct EchoArgs {
    /// Where to listen.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8000")]
    pub listen: SocketAddr,

    /// Remember what arrives, and hand it out here: GET answers with a JSON list of all since the last GET. For tests.
    #[arg(long, value_name = "IP:PORT")]
    pub recall: Option<SocketAddr>,
}

/// `tollgate run`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  tollgate run manifests/base
  tollgate run --port 9000 --concurrency 1 --envoy-log-level debug manifests/base/auth-filter.yaml
  tollgate run --tls-cert cert.pem --tls-key key.pem manifests/base
  tollgate run --print-config manifests/base

Exit status: 0 told to stop, 1 Envoy cannot start or ended, 2 manifests that cannot be served.")]
pub struct RunArgs {
    /// Manifests: files, or directories that are searched for *.yaml and *.yml.
    #[arg(default_value = "manifests/base")]
    pub paths: Vec<PathBuf>,

    /// The directory with the modules; the last part of a manifest's url names the file.
    #[arg(long, value_name = "DIR", default_value = "dist")]
    pub modules: PathBuf,

    /// Take every module from its url, as a cluster would, and none from the directory. Without this, those that the
    /// directory does not have are fetched.
    #[arg(long)]
    pub fetch: bool,

    /// Try again, every few seconds, to fetch what could not be fetched. A cluster does not.
    #[arg(long)]
    pub retry: bool,

    /// The port to listen on; if it is taken, a free one.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,

    /// The address to listen on. Another than 127.0.0.1 lets others in, to Envoy's admin interface too.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub address: IpAddr,

    /// The port of Envoy's admin interface; a free one when not given.
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    pub admin_port: u16,

    /// Where requests end: a service of your own, instead of the echo.
    #[arg(long, value_name = "IP:PORT")]
    pub upstream: Option<SocketAddr>,

    /// Start no Envoy: write what it needs into --run-dir, and wait for one that is started with it (e2e/docker).
    #[arg(long, requires = "run_dir", conflicts_with = "envoy")]
    pub attach: bool,

    /// Envoy's worker threads.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub concurrency: u32,

    /// Serve HTTPS with this certificate (PEM), so that what happens on TLS only can be seen; with --tls-key.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The certificate's private key (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Ask clients for a certificate of these authorities (PEM); whoever has none is served all the same, as a client
    /// without one.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_client_ca: Option<PathBuf>,

    /// The Envoy binary; else $TOLLGATE_ENVOY, else `envoy` on the PATH.
    #[arg(long, value_name = "FILE")]
    pub envoy: Option<PathBuf>,

    /// Where to put Envoy's files and logs; else a temporary directory.
    #[arg(long, value_name = "DIR")]
    pub run_dir: Option<PathBuf>,

    /// Envoy's log level.
    #[arg(
        long,
        value_name = "LEVEL",
        default_value = "info",
        value_parser = ["trace", "debug", "info", "warning", "error", "critical", "off"],
    )]
    pub envoy_log_level: String,

    /// Which proxy's plugins are served.
    #[command(flatten)]
    pub scope: crate::scope::Args,

    /// Print what Envoy would be given, and exit.
    #[arg(long)]
    pub print_config: bool,
}

#[cfg(test)]
mod tests;
