//! One configuration, one request: what did the upstream see, and what did the client get?
//!
//! All cases of a run share one Envoy with one worker, on the mesh that `E2E_MESH` chooses. A case holds it alone, and asks
//! only when its configuration is live on that worker.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use e2e::mesh::Setup;
use e2e::{Chosen, Fields, Mesh, MeshError, Request, Response, evidence, plugin};
use rustix::process::Pid;
use tokio::runtime::Runtime;
use tollgate::echo::Arrived;

use super::MACHINE;

/// Outlives every test, and with it the echo's tasks.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
/// Each started by its first case. Nobody drops it: the kernel kills Envoy when this process ends.
static SHARED: [Mutex<Option<Chosen>>; 3] = [const { Mutex::new(None) }; 3];

/// The filter that a case is about. Each has an Envoy of its own, and so has the edge filter in its place: changing modules takes
/// longer than changing rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filter {
    Header,
    Auth,
}

/// What came of a case. When its test fails, the evidence is kept.
#[derive(Debug)]
pub(crate) struct Case {
    filter: Filter,
    config: String,
    request: Request,
    /// What the upstream saw; nothing when the request did not get there.
    pub(crate) saw: Option<Saw>,
    /// What the client got.
    pub(crate) got: Response,
}

/// A request as the upstream saw it.
#[derive(Debug, Clone)]
pub(crate) struct Saw {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) authority: String,
    pub(crate) protocol: String,
    pub(crate) headers: Fields,
    pub(crate) body: Vec<u8>,
}

/// Serves a header filter with this `pluginConfig` (YAML, indented as it pleases), sends the request, and then a
/// plain one that must not find the filter crashed.
pub(crate) fn case(config: &str, request: &Request) -> Case {
    case_of(Filter::Header, config, request)
}

/// The same for any filter.
pub(crate) fn case_of(filter: Filter, config: &str, request: &Request) -> Case {
    let mut shared = filter.shared();
    RUNTIME.block_on(async {
        let _machine = MACHINE.read().await;
        let mesh =
            serve(&mut shared, filter, config).await.unwrap_or_else(|error| panic!("{error}\n{config}"));
        let _evidence = Evidence(mesh);
        let _ = mesh.arrived();
        let got = e2e::send(mesh.address(), request).await;
        let got = got.unwrap_or_else(|error| panic!("{request:?}: {error}\n{}", mesh.log()));
        let saw = mesh.arrived().pop().map(Saw::from);
        let plain = Request::get("/canary").header("x-request-id", "canary");
        let canary = e2e::send(mesh.address(), &plain).await;
        let canary = canary.unwrap_or_else(|error| panic!("after {request:?}: {error}\n{}", mesh.log()));
        // A configuration may refuse plain requests too; a worker whose filter has crashed answers 503.
        assert!(canary.status < 500, "after {request:?}: {canary:?}\n{}", mesh.log());
        Case { filter, config: config.to_owned(), request: request.clone(), saw, got }
    })
}

/// The message with which this `pluginConfig` is refused before it reaches any Envoy, without file and position.
pub(crate) fn refusal(config: &str) -> String {
    let filter = Filter::Header;
    let mut shared = filter.shared();
    match RUNTIME.block_on(serve(&mut shared, filter, config)) {
        Err(MeshError::Manifests(faults)) => {
            let shown = |fault: &tollgate::fault::Fault| format!("{}: {}", fault.path, fault.message);
            faults.0.iter().map(shown).collect::<Vec<_>>().join("\n")
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("not refused: {config}"),
    }
}

/// Keeps the evidence when a case itself fails.
struct Evidence<'m>(&'m Chosen);

impl Drop for Evidence<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.save_evidence(&evidence::folder());
        }
    }
}

async fn serve<'s>(
    shared: &'s mut Option<Chosen>,
    filter: Filter,
    config: &str,
) -> Result<&'s Chosen, MeshError> {
    let manifest = filter.manifest(config);
    match shared {
        Some(mesh) => {
            mesh.apply(&manifest).await?;
            Ok(mesh)
        }
        None => {
            let setup = Setup { run_dir: Some(run_dir().join(filter.place().1)), ..Setup::default() };
            Ok(shared.insert(Chosen::start(&manifest, setup).await?))
        }
    }
}

/// A folder of this process. Nobody is left to delete it at the end, so each run deletes those of earlier ones.
fn run_dir() -> PathBuf {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shared-envoy");
    for entry in std::fs::read_dir(&all).into_iter().flatten().flatten() {
        let id = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        if id.is_none_or(|id| rustix::process::test_kill_process(id).is_err()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    all.join(std::process::id().to_string())
}

impl Filter {
    fn shared(self) -> MutexGuard<'static, Option<Chosen>> {
        SHARED[self.place().0].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(self) -> (usize, &'static str) {
        match self {
            _ if plugin::is_on_edge() => (2, "edge"),
            Self::Header => (0, "header"),
            Self::Auth => (1, "auth"),
        }
    }

    fn manifest(self, config: &str) -> String {
        match self {
            Self::Header => plugin::header_filter(config),
            Self::Auth => plugin::auth_filter(config),
        }
    }
}

impl Case {
    /// The value of a header as the upstream saw it; several values joined by ` | `.
    pub(crate) fn saw(&self, name: &str) -> Option<String> {
        self.saw.as_ref().and_then(|saw| saw.headers.get(name))
    }

    /// The value of a header as the client got it; several values joined by ` | `.
    pub(crate) fn got(&self, name: &str) -> Option<String> {
        self.got.headers.get(name)
    }
}

impl From<Arrived> for Saw {
    fn from(arrived: Arrived) -> Self {
        Self {
            method: arrived.method,
            path: arrived.path,
            authority: String::from_utf8_lossy(&arrived.authority).into_owned(),
            protocol: arrived.protocol,
            headers: Fields(arrived.headers),
            body: arrived.body,
        }
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let folder = evidence::folder();
        if let Some(mesh) = self.filter.shared().as_ref() {
            mesh.save_evidence(&folder);
        }
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{}\n\nsent {:#?}\n\nsaw {:#?}\n\ngot {:#?}",
            self.config, self.request, self.saw, self.got
        );
        let _ = std::fs::write(folder.join("case.txt"), text);
    }
}
