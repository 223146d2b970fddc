//! The local mesh: one Envoy, set up by the very code of `tollgate run`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tollgate::echo::{Arrived, Echo};
use tollgate::envoy::{Applied, Proxy, ProxyError, Settings};
use tollgate::filters::Filters;
use tollgate::manifest::Manifests;
use tollgate::module::Modules;
use tollgate::plan::Plan;

use crate::chosen::Choice;
use crate::mesh::{Mesh, MeshError, Setup};
use crate::{docker, evidence};

/// A running Envoy and its echo. When it goes, Envoy is killed; when it goes in a panic, evidence is kept.
#[derive(Debug)]
pub struct LocalEnvoy {
    proxy: Proxy,
    echo: Echo,
    modules: Modules,
    filters: Filters,
}

/// The folder with the modules under test: `TOLLGATE_DIST`, or `dist`.
#[must_use]
pub fn dist() -> PathBuf {
    let default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../dist"));
    std::env::var_os("TOLLGATE_DIST").filter(|dist| !dist.is_empty()).map_or_else(default, PathBuf::from)
}

/// The Envoy to test on: `TOLLGATE_ENVOY`, or with `E2E_MESH=docker` what starts one in a container.
///
/// # Errors
/// When neither is set. Nothing on the PATH is taken instead: results shall not depend on what happens to be there.
pub fn envoy() -> Result<PathBuf, MeshError> {
    if Choice::of_environment()? == Choice::Docker {
        return Ok(docker::envoy());
    }
    let envoy = std::env::var_os("TOLLGATE_ENVOY").filter(|envoy| !envoy.is_empty());
    envoy.map(PathBuf::from).ok_or_else(|| {
        MeshError::Setup(
            "TOLLGATE_ENVOY does not name an Envoy binary: run `make e2e`, which fetches one".to_owned(),
        )
    })
}

impl LocalEnvoy {
    /// As [`Mesh::start`], with modules from another folder than [`dist`].
    ///
    /// # Errors
    /// When the manifests are refused or Envoy does not start.
    pub async fn start_with(manifests: &str, setup: Setup, modules: Modules) -> Result<Self, MeshError> {
        let filters = if setup.checked { Filters::builtin() } else { Filters::unchecked() };
        let plan = Plan::compile(Manifests::parse(Path::new("test.yaml"), manifests)?, &modules, &filters)?;
        let echo = Echo::recording().await.map_err(|error| MeshError::Setup(format!("the echo: {error}")))?;
        // Paths as the client sent them: what a filter does with an odd one is the filter's business.
        let settings = Settings {
            concurrency: setup.workers,
            run_dir: setup.run_dir,
            normalize_path: false,
            tls: setup.tls,
            ..Settings::new(envoy()?)
        };
        let proxy = match Proxy::start(settings, echo.address(), &plan).await {
            Ok(proxy) => proxy,
            Err(ProxyError::Refused(refused)) => return Err(MeshError::Refused(refused)),
            Err(error) => return Err(error.into()),
        };
        Ok(Self { proxy, echo, modules, filters })
    }

    /// The proxy itself.
    #[must_use]
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// The process id of Envoy itself, in a container or not.
    ///
    /// # Errors
    /// When docker does not tell.
    pub fn process_id(&self) -> Result<u32, MeshError> {
        let id = self.proxy.process_id();
        if Choice::of_environment()? == Choice::Docker {
            docker::process(id).map_err(MeshError::Setup)
        } else {
            Ok(id)
        }
    }
}

impl Mesh for LocalEnvoy {
    async fn start(manifests: &str, setup: Setup) -> Result<Self, MeshError> {
        Self::start_with(manifests, setup, Modules::new(dist())).await
    }

    async fn apply(&mut self, manifests: &str) -> Result<Applied, MeshError> {
        let manifests = Manifests::parse(Path::new("test.yaml"), manifests)?;
        let plan = Plan::compile(manifests, &self.modules, &self.filters)?;
        let applied = self.proxy.apply(&plan).await?;
        if applied.refused.is_empty() { Ok(applied) } else { Err(MeshError::Refused(applied.refused)) }
    }

    fn address(&self) -> SocketAddr {
        self.proxy.address()
    }

    fn arrived(&self) -> Vec<Arrived> {
        self.echo.take()
    }

    async fn metrics(&self) -> Result<String, MeshError> {
        self.proxy.admin().get("/stats/prometheus").await.map_err(MeshError::Setup)
    }

    fn log(&self) -> String {
        let bytes = std::fs::read(self.proxy.run_dir().log()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn save_evidence(&self, folder: &Path) {
        evidence::save(folder, self.proxy.run_dir().root(), self.proxy.admin().address());
    }
}

impl Drop for LocalEnvoy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.save_evidence(&evidence::folder());
        }
    }
}
