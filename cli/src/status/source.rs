//! Who is asked: an admin interface that can be reached from here, or a pod by way of kubectl.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use super::Args;
use crate::envoy::Admin;

/// The longest answer that is read: far more than the listeners of a large mesh.
const MOST: u64 = 256 << 20;
/// The part of a log that is looked at.
const LOG: u64 = 256 << 10;
/// kubectl's own connection included.
const PATIENCE: Duration = Duration::from_secs(40);

/// A proxy.
#[derive(Debug)]
pub(super) enum Source {
    /// From here; the second is istio-agent.
    Here(Admin, Option<Admin>),
    /// In a cluster.
    Pod(Pod),
}

/// A pod's proxy.
#[derive(Debug)]
pub(super) struct Pod {
    name: String,
    namespace: Option<String>,
    context: Option<String>,
    container: String,
}

impl Source {
    /// What the command line names.
    pub(super) async fn of(args: &Args) -> Result<Self, String> {
        let Some(name) = args.pod.clone() else {
            let agent = match &args.agent {
                Some(agent) => Some(resolved(agent).await?),
                None => None,
            };
            return Ok(Self::Here(resolved(&args.admin).await?, agent));
        };
        let (namespace, context) = (args.namespace.clone(), args.context.clone());
        Ok(Self::Pod(Pod { name, namespace, context, container: args.container.clone() }))
    }

    /// Whether files that it names are files of this machine.
    pub(super) fn is_local(&self) -> bool {
        matches!(self, Self::Here(..))
    }

    /// Envoy's answer.
    pub(super) async fn get(&self, path: &str) -> Result<String, String> {
        match self {
            Self::Here(admin, _) => admin.get(path).await,
            Self::Pod(pod) => {
                let request = ["--", "pilot-agent", "request", "GET", path.trim_start_matches('/')];
                let exec = ["exec", pod.name.as_str(), "-c", pod.container.as_str()];
                pod.kubectl(&[exec.as_slice(), request.as_slice()].concat(), MOST).await
            }
        }
    }

    /// Envoy's answer, which is JSON.
    pub(super) async fn json(&self, path: &str) -> Result<Value, String> {
        let text = self.get(path).await?;
        serde_json::from_str(&text).map_err(|error| format!("{path}: not the answer of an Envoy: {error}"))
    }

    /// The end of the proxy's log, if it can be had.
    pub(super) async fn log(&self, file: Option<&Path>) -> Option<String> {
        match self {
            Self::Here(..) => super::log::end(file?, LOG),
            Self::Pod(pod) => {
                let command = ["logs", pod.name.as_str(), "-c", pod.container.as_str(), "--tail=2000"];
                pod.kubectl(&command, MOST).await.ok()
            }
        }
    }

    /// istio-agent's metrics; `None` when nobody was named.
    pub(super) async fn agent(&self) -> Option<Result<String, String>> {
        match self {
            Self::Here(_, agent) => Some((*agent)?.get("/stats/prometheus").await),
            Self::Pod(pod) => {
                let namespace = pod.namespace.as_deref().unwrap_or("default");
                let path =
                    format!("/api/v1/namespaces/{namespace}/pods/{}:15020/proxy/stats/prometheus", pod.name);
                Some(pod.kubectl(&["get", "--raw", &path], MOST).await)
            }
        }
    }
}

impl Pod {
    async fn kubectl(&self, arguments: &[&str], most: u64) -> Result<String, String> {
        let mut command = Command::new("kubectl");
        command.args(self.context.iter().flat_map(|context| ["--context", context.as_str()]));
        command.args(self.namespace.iter().flat_map(|namespace| ["-n", namespace.as_str()])).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let what = format!("kubectl {}", arguments.join(" "));
        match tokio::time::timeout(PATIENCE, output(command, most)).await {
            Ok(Ok(text)) => Ok(text),
            Ok(Err(error)) => Err(format!("{what}: {error}")),
            Err(_) => Err(format!("{what}: no answer in {} s", PATIENCE.as_secs())),
        }
    }
}

async fn output(mut command: Command, most: u64) -> Result<String, String> {
    let cannot = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no kubectl on the PATH".to_owned(),
        _ => error.to_string(),
    };
    let mut child = command.spawn().map_err(cannot)?;
    let (mut said, mut complained) = (Vec::new(), Vec::new());
    let (mut out, mut err) = (
        child.stdout.take().ok_or("no output")?.take(most.saturating_add(1)),
        child.stderr.take().ok_or("no output")?.take(LOG),
    );
    let (read, complaint) = tokio::join!(out.read_to_end(&mut said), err.read_to_end(&mut complained));
    read.and(complaint).map_err(|error| error.to_string())?;
    if u64::try_from(said.len()).unwrap_or(u64::MAX) > most {
        return Err(format!("the answer is longer than {} MiB", most >> 20));
    }
    let status = child.wait().await.map_err(|error| error.to_string())?;
    if !status.success() {
        return Err(String::from_utf8_lossy(&complained).trim().to_owned());
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// An address like `http://localhost:15000`, or without the scheme.
async fn resolved(url: &str) -> Result<Admin, String> {
    let authority = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
    if authority.contains(['/', '@', '?']) {
        return Err(format!("{url}: write http://<host>:<port>"));
    }
    let found = tokio::net::lookup_host(authority).await;
    let mut addresses: Vec<_> = found.map_err(|error| format!("{url}: {error}"))?.collect();
    // Envoy's admin interface is on 127.0.0.1 where nobody says otherwise, and `localhost` may be ::1 first.
    addresses.sort_by_key(std::net::SocketAddr::is_ipv6);
    addresses.first().map(|address| Admin::new(*address)).ok_or_else(|| format!("{url}: no such host"))
}
