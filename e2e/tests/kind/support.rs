//! What the cases share.

use std::net::SocketAddr;
use std::time::Duration;

use e2e::kind::{CONTEXT, Kubectl, Modules, NAMESPACE, PATIENCE, Tunnel};
use e2e::{Request, Response, eventually, send};
use tempfile::TempDir;

/// The `echo` that has the filters of `manifests/overlays/kind`, from outside the mesh.
pub(crate) fn echo() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 30080))
}

pub(crate) fn kubectl() -> Kubectl {
    Kubectl::new("kubectl", CONTEXT, NAMESPACE)
}

pub(crate) fn header_filter() -> String {
    Modules::of_environment().unwrap().reference("oci://x/header-filter:1").unwrap().to_owned()
}

/// An object that goes away with this value.
pub(crate) struct Object {
    kubectl: Kubectl,
    file: TempDir,
}

impl Object {
    pub(crate) fn create(kubectl: &Kubectl, manifest: &str) -> Self {
        let file = tempfile::tempdir().unwrap();
        std::fs::write(file.path().join("object.yaml"), manifest).unwrap();
        let object = Self { kubectl: kubectl.clone(), file };
        kubectl.run(&["apply", "-f", &object.path()]).unwrap();
        object
    }

    fn path(&self) -> String {
        self.file.path().join("object.yaml").display().to_string()
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        let _ = self.kubectl.run(&["delete", "--ignore-not-found", "-f", &self.path()]);
    }
}

/// Asks until the answer is as wanted, five times in a row: workers take a change one after the other.
pub(crate) async fn until(
    address: SocketAddr,
    what: &str,
    request: &Request,
    wanted: impl Fn(&Response) -> bool,
) {
    let answered = async || {
        for _ in 0..5 {
            send(address, request).await.ok().filter(|answer| wanted(answer))?;
        }
        Some(())
    };
    eventually(what, PATIENCE, answered).await.unwrap();
}

/// curl in a pod of the mesh, until its output is as wanted.
pub(crate) async fn curl_until(
    kubectl: &Kubectl,
    what: &str,
    arguments: &[&str],
    wanted: impl Fn(&str) -> bool,
) {
    let arguments = [
        &["exec", "deploy/client", "-c", "client", "--", "curl", "-sS", "-i", "--max-time", "10"][..],
        arguments,
    ]
    .concat();
    let asked = async || {
        let answer = kubectl.run(&arguments).ok().filter(|answer| wanted(answer));
        if answer.is_none() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        answer
    };
    eventually(what, PATIENCE, asked).await.unwrap();
}

/// A tunnel to a gateway, which has no sidecar to go around.
pub(crate) async fn gateway(kubectl: &Kubectl) -> Tunnel {
    let pod = kubectl
        .run(&["get", "pods", "-l", "gateway.networking.k8s.io/gateway-name=edge", "-o", "name"])
        .unwrap();
    kubectl.tunnel(pod.trim().trim_start_matches("pod/"), 80).await.unwrap()
}
