//! A mesh: something that runs WasmPlugins in front of an echo. The cases do not care which.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tollgate::echo::Arrived;
use tollgate::envoy::{Applied, ProxyError, Refusal, Tls};
use tollgate::fault::Faults;

/// How the mesh is to be set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Worker threads. With one, a worker that a hostile input has taken down shows at the next request.
    pub workers: u32,
    /// Whether configurations are checked before they are delivered, as the tool does. Without, the module's own
    /// refusal can be seen.
    pub checked: bool,
    /// The folder for the proxy's files; a temporary one when not given.
    pub run_dir: Option<PathBuf>,
    /// Serve HTTPS with this certificate.
    pub tls: Option<Tls>,
}

impl Default for Setup {
    fn default() -> Self {
        Self { workers: 1, checked: true, run_dir: None, tls: None }
    }
}

/// Runs WasmPlugins in front of an echo that records what arrives.
pub trait Mesh: Sized {
    /// Starts it with manifests, YAML as an operator would write it.
    fn start(manifests: &str, setup: Setup) -> impl Future<Output = Result<Self, MeshError>> + Send;

    /// Serves other manifests, and waits until every worker does.
    fn apply(&mut self, manifests: &str) -> impl Future<Output = Result<Applied, MeshError>> + Send;

    /// Where requests go.
    fn address(&self) -> SocketAddr;

    /// What has arrived upstream since the last call.
    fn arrived(&self) -> Vec<Arrived>;

    /// All metrics, as Prometheus reads them.
    fn metrics(&self) -> impl Future<Output = Result<String, MeshError>> + Send;

    /// What the proxy has logged.
    fn log(&self) -> String;

    /// Puts all that could explain a failure into a folder.
    fn save_evidence(&self, folder: &Path);
}

/// Why a mesh does not serve what it should.
#[derive(Debug, thiserror::Error)]
pub enum MeshError {
    /// The tool refused the manifests.
    #[error("{0}")]
    Manifests(#[from] Faults),
    /// The proxy refused plugins; the others are live.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Refused(Vec<Refusal>),
    /// The proxy is gone.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// Something is missing.
    #[error("{0}")]
    Setup(String),
}
