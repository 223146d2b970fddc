//! The mesh that `E2E_MESH` chooses, for the cases that any mesh can run.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use tollgate::echo::Arrived;
use tollgate::envoy::Applied;

use crate::kind::KindMesh;
use crate::local::LocalEnvoy;
use crate::mesh::{Mesh, MeshError, Setup};

/// What `E2E_MESH` can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// An Envoy of this machine; what is meant when nothing is said.
    Local,
    /// The same, each Envoy in a container.
    Docker,
    /// A kind cluster with Istio that `scripts/kind.sh` has brought up.
    Kind,
}

impl Choice {
    /// Reads the variable.
    ///
    /// # Errors
    /// When it says anything else.
    pub fn of_environment() -> Result<Self, MeshError> {
        Self::read(std::env::var("E2E_MESH").ok().as_deref())
    }

    /// The cluster that requests end in, by the mesh's name for it.
    #[must_use]
    pub fn cluster(self) -> &'static str {
        if self == Self::Kind { "inbound|8080||" } else { "echo" }
    }

    /// The route that takes them there.
    #[must_use]
    pub fn route(self) -> &'static str {
        if self == Self::Kind { "default" } else { "echo" }
    }

    /// Whether the suite's requests come from an address: on a cluster they come by way of a node.
    #[must_use]
    pub fn is_client(self, address: &str) -> bool {
        if self == Self::Kind { address.parse::<IpAddr>().is_ok() } else { address == "127.0.0.1" }
    }

    fn read(word: Option<&str>) -> Result<Self, MeshError> {
        match word {
            None | Some("" | "local") => Ok(Self::Local),
            Some("docker") => Ok(Self::Docker),
            Some("kind") => Ok(Self::Kind),
            Some(other) => {
                Err(MeshError::Setup(format!("E2E_MESH is {other:?}: it can be local, docker or kind")))
            }
        }
    }
}

/// One of them.
#[derive(Debug)]
pub enum Chosen {
    /// Local or in docker.
    Envoy(Box<LocalEnvoy>),
    /// On a cluster.
    Kind(Box<KindMesh>),
}

impl Mesh for Chosen {
    async fn start(manifests: &str, setup: Setup) -> Result<Self, MeshError> {
        match Choice::of_environment()? {
            Choice::Local | Choice::Docker => {
                LocalEnvoy::start(manifests, setup).await.map(|mesh| Self::Envoy(Box::new(mesh)))
            }
            Choice::Kind => KindMesh::start(manifests, setup).await.map(|mesh| Self::Kind(Box::new(mesh))),
        }
    }

    async fn apply(&mut self, manifests: &str) -> Result<Applied, MeshError> {
        match self {
            Self::Envoy(mesh) => mesh.apply(manifests).await,
            Self::Kind(mesh) => mesh.apply(manifests).await,
        }
    }

    fn address(&self) -> SocketAddr {
        match self {
            Self::Envoy(mesh) => mesh.address(),
            Self::Kind(mesh) => mesh.address(),
        }
    }

    fn arrived(&self) -> Vec<Arrived> {
        match self {
            Self::Envoy(mesh) => mesh.arrived(),
            Self::Kind(mesh) => mesh.arrived(),
        }
    }

    async fn metrics(&self) -> Result<String, MeshError> {
        match self {
            Self::Envoy(mesh) => mesh.metrics().await,
            Self::Kind(mesh) => mesh.metrics().await,
        }
    }

    fn log(&self) -> String {
        match self {
            Self::Envoy(mesh) => mesh.log(),
            Self::Kind(mesh) => mesh.log(),
        }
    }

    fn save_evidence(&self, folder: &Path) {
        match self {
            Self::Envoy(mesh) => mesh.save_evidence(folder),
            Self::Kind(mesh) => mesh.save_evidence(folder),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_chooses_a_mesh_and_a_wrong_word_is_refused() {
        for (word, choice) in [
            (None, Choice::Local),
            (Some(""), Choice::Local),
            (Some("local"), Choice::Local),
            (Some("docker"), Choice::Docker),
            (Some("kind"), Choice::Kind),
        ] {
            assert_eq!(Choice::read(word).unwrap(), choice, "{word:?}");
        }
        assert!(Choice::Local.is_client("127.0.0.1") && !Choice::Docker.is_client("172.18.0.1"));
        assert!(Choice::Kind.is_client("172.18.0.1") && !Choice::Kind.is_client("[]"));
        let error = Choice::read(Some("Kind")).unwrap_err().to_string();
        assert_eq!(error, "E2E_MESH is \"Kind\": it can be local, docker or kind");
    }
}
