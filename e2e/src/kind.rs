//! A mesh on a kind cluster that `scripts/kind.sh up` has made: a workload behind its sidecar, with the plugins of a case.
//!
//! The same YAML goes in as everywhere. It is checked by the tool, given a place (namespace, selector) and a module that
//! agents can fetch, and applied with kubectl; then the sidecar is asked until it says that it has each configuration.

mod delivered;
mod kubectl;
mod overlay;
mod places;
#[cfg(test)]
mod script;
#[cfg(test)]
mod stand_in;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod workloads;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tollgate::echo::{Arrived, recalled};
use tollgate::envoy::{Admin, Applied, Refusal, Stats};
use tollgate::filters::Filters;
use tollgate::manifest::Manifests;
use tollgate::module::Modules as LocalModules;
use tollgate::plan::Plan;

pub use delivered::{Expected, State, state};
pub use kubectl::{Kubectl, Tunnel};
pub use overlay::{Modules, Overlay};
pub use places::Places;

use crate::eventually;
use crate::local::dist;
use crate::mesh::{Mesh, MeshError, Setup};

/// The context of the cluster that `e2e/kind/cluster.yaml` describes.
pub const CONTEXT: &str = "kind-tollgate";
/// Where the workloads with sidecars are.
pub const NAMESPACE: &str = "shop";
/// An agent may have to fetch a module first, and istiod waits for changes to settle.
pub const PATIENCE: Duration = Duration::from_secs(200);

/// The admin interface of a sidecar, and what has arrived at the echo behind it.
const ADMIN_PORT: u16 = 15000;
const RECALL_PORT: u16 = 8001;
/// Workers take a configuration a moment after the main thread says that it is there.
const SETTLE: Duration = Duration::from_millis(500);

/// A workload and the tunnels to it.
#[derive(Debug)]
pub struct KindMesh {
    places: Places,
    pod: String,
    admin: Admin,
    recall: SocketAddr,
    filters: Filters,
    _tunnels: [Tunnel; 2],
}

impl KindMesh {
    /// As [`Mesh::start`], at certain places.
    ///
    /// # Errors
    /// When the workload is not there, or the manifests are refused.
    pub async fn start_at(places: Places, manifests: &str, setup: Setup) -> Result<Self, MeshError> {
        if setup.tls.is_some() {
            return Err(MeshError::Setup("the cluster's workloads serve no HTTPS".to_owned()));
        }
        let pod = places.kubectl.pod(&places.workload).map_err(MeshError::Setup)?;
        let tunnel = async |port| places.kubectl.tunnel(&pod, port).await.map_err(MeshError::Setup);
        let (admin, recall) = (tunnel(ADMIN_PORT).await?, tunnel(RECALL_PORT).await?);
        let at = |tunnel: &Tunnel| SocketAddr::from((Ipv4Addr::LOCALHOST, tunnel.port));
        let filters = if setup.checked { Filters::builtin() } else { Filters::unchecked() };
        let mut mesh = Self {
            admin: Admin::new(at(&admin)),
            recall: at(&recall),
            places,
            pod,
            filters,
            _tunnels: [admin, recall],
        };
        mesh.apply(manifests).await?;
        Ok(mesh)
    }

    /// Has agents fetch modules elsewhere, from the next change on.
    pub fn fetch_from(&mut self, modules: Modules) {
        self.places.modules = modules;
    }

    /// The pod that serves.
    #[must_use]
    pub fn pod(&self) -> &str {
        &self.pod
    }

    /// What the sidecar says of its extensions.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn extensions(&self) -> Result<Value, MeshError> {
        let text = self.admin.get("/config_dump?resource=ecds_filters").await.map_err(MeshError::Setup)?;
        serde_json::from_str(&text).map_err(|error| MeshError::Setup(format!("the sidecar's dump: {error}")))
    }

    async fn counters(&self) -> Result<Stats, MeshError> {
        self.admin.stats("extension_config_discovery").await.map_err(MeshError::Setup)
    }

    /// Waits until each is live, refused, or replaced by what an agent installs when it cannot fetch.
    async fn delivered(&self, all: &[Expected], before: &Stats) -> Result<(), MeshError> {
        let settled = eventually("the sidecar to have the configurations", PATIENCE, async || {
            // A tunnel may break for a moment; the deadline holds all the same.
            let (dump, now) = (self.extensions().await.ok()?, self.counters().await.ok()?);
            for expected in all {
                // First: Envoy shows a configuration that it has refused as if it served it.
                if delivered::refused(expected, &now, before) {
                    continue;
                }
                match state(&dump, expected) {
                    State::Live => {}
                    State::Waiting => return None,
                    State::Replaced(by) => {
                        let says =
                            format!("{}: the agent could not fetch it and installed {by}", expected.resource);
                        return Some(Err(MeshError::Setup(says)));
                    }
                }
            }
            Some(Ok(()))
        });
        settled.await.map_err(|late| MeshError::Setup(format!("{late}\n{}", self.log())))??;
        tokio::time::sleep(SETTLE).await;
        let now = self.counters().await?;
        let refused = all.iter().filter(|expected| delivered::refused(expected, &now, before));
        let refusal =
            |expected: &Expected| Refusal { plugin: expected.resource.clone(), reasons: self.reasons() };
        let refused: Vec<Refusal> = refused.map(refusal).collect();
        if refused.is_empty() { Ok(()) } else { Err(MeshError::Refused(refused)) }
    }

    /// What the sidecar's log says of a refusal.
    fn reasons(&self) -> Vec<String> {
        let log = self.log();
        let mut lines: Vec<String> =
            log.lines().rev().filter(|line| line.contains("wasm")).take(5).map(str::to_owned).collect();
        lines.reverse();
        lines
    }
}

impl Mesh for KindMesh {
    async fn start(manifests: &str, setup: Setup) -> Result<Self, MeshError> {
        Self::start_at(Places::next()?, manifests, setup).await
    }

    async fn apply(&mut self, manifests: &str) -> Result<Applied, MeshError> {
        let began = Instant::now();
        let parsed = || Manifests::parse(Path::new("test.yaml"), manifests);
        // The same checks as everywhere; the modules that they look at are those that were pushed.
        Plan::compile(parsed()?, &LocalModules::new(dist()), &self.filters)?;
        let overlay =
            Overlay { workload: &self.places.workload, namespace: NAMESPACE, modules: &self.places.modules };
        let plugins = parsed()?.plugins;
        let expected: Vec<Expected> = plugins.iter().map(|plugin| overlay.expected(plugin)).collect();
        let folder = tempfile::tempdir().map_err(|error| MeshError::Setup(format!("a folder: {error}")))?;
        overlay.write(folder.path(), manifests, &plugins).map_err(MeshError::Setup)?;
        let before = self.counters().await?;
        let arguments = overlay.apply_arguments(folder.path());
        self.places.kubectl.run(&arguments).map_err(MeshError::Setup)?;
        self.delivered(&expected, &before).await?;
        let changed = expected.into_iter().map(|expected| expected.resource).collect();
        Ok(Applied { changed, took: began.elapsed(), refused: Vec::new() })
    }

    fn address(&self) -> SocketAddr {
        self.places.address
    }

    fn arrived(&self) -> Vec<Arrived> {
        get(self.recall).and_then(|text| recalled(&text)).unwrap_or_default()
    }

    async fn metrics(&self) -> Result<String, MeshError> {
        self.admin.get("/stats/prometheus").await.map_err(MeshError::Setup)
    }

    fn log(&self) -> String {
        let arguments = ["logs", &self.pod, "--container=istio-proxy", "--tail=500"];
        self.places.kubectl.run(&arguments).unwrap_or_else(|error| error)
    }

    fn save_evidence(&self, folder: &Path) {
        let _ = fs::create_dir_all(folder);
        let _ = fs::write(folder.join("istio-proxy.log"), self.log());
        let admin = self.admin.address();
        for (file, path) in [("stats.txt", "/stats"), ("config_dump.json", "/config_dump")] {
            let _ = fs::write(folder.join(file), crate::evidence::ask(admin, path).unwrap_or_default());
        }
        for (file, arguments) in [
            ("plugins.yaml", &["get", "wasmplugins,serviceentries", "-o", "yaml"][..]),
            ("pod.txt", &["describe", "pod", &self.pod]),
            ("events.txt", &["get", "events", "--sort-by=.lastTimestamp"]),
        ] {
            let _ = fs::write(
                folder.join(file),
                self.places.kubectl.run(arguments).unwrap_or_else(|error| error),
            );
        }
    }
}

/// The body of an answer with a length, without tokio: the caller is no task.
fn get(address: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "GET / HTTP/1.1\r\nhost: echo\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}
