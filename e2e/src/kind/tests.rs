//! The mesh on kind, with a program in kubectl's place and a real Envoy where the sidecar would be.

use std::path::PathBuf;

use tempfile::TempDir;

use super::stand_in::stand_in;
use super::*;
use crate::local::LocalEnvoy;
use crate::message::Request;
use crate::{client, plugin};

/// A cluster of which everything is made up but the Envoy: what is applied is kept in `applied`.
struct Cluster {
    folder: TempDir,
    envoy: LocalEnvoy,
}

/// The text as the sidecar would have it: under the names that the overlay gives.
fn placed(config: &str) -> String {
    plugin::header_filter(config)
        .replace("name: header-filter, namespace: test", "name: case-7-header-filter, namespace: shop")
}

/// Says of every request that one for `/seen` has arrived at the echo.
fn recalling() -> u16 {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let body =
        r#"[{"method":"GET","path":"/seen","authority":"a","protocol":"HTTP/1.1","headers":[],"body":""}]"#;
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 256];
            let _ = stream.read(&mut request).unwrap();
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        }
    });
    port
}

impl Cluster {
    async fn start(config: &str) -> Self {
        let envoy = LocalEnvoy::start(&placed(config), Setup::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (root, admin) = (folder.path().display(), envoy.proxy().admin().address().port());
        let recall = recalling();
        let script = format!(
            r#"printf "%s\n" "$*" >>{root}/calls
case "$*" in
*"get pods"*) echo case-7-5f ;;
*"port-forward"*":8001 "*) echo "Forwarding from 127.0.0.1:{recall} -> 8001"; exec sleep 600 ;;
*"port-forward"*) echo "Forwarding from 127.0.0.1:{admin} -> 15000"; exec sleep 600 ;;
*"apply -k"*) while [ "$1" != -k ]; do shift; done; rm -rf {root}/applied; cp -r "$2" {root}/applied ;;
*"logs"*) echo "a line about wasm" ;;
*) echo "not known here: $*" >&2; exit 1 ;;
esac
"#
        );
        stand_in(folder.path().join("kubectl"), &script);
        Self { folder, envoy }
    }

    fn places(&self) -> Places {
        // The file that Envoy reads has the module's digest in its name, here as on a cluster.
        let module = LocalModules::new(dist()).load("oci://x/header-filter:1").unwrap();
        let line = format!(
            "header-filter oci://kind-registry:5000/tollgate/header-filter:1@sha256:{}",
            module.digest
        );
        Places {
            kubectl: Kubectl::new(self.folder.path().join("kubectl"), CONTEXT, NAMESPACE),
            workload: "case-7".to_owned(),
            address: self.envoy.address(),
            modules: Modules::parse(&line).unwrap(),
            _lease: None,
        }
    }

    fn deliver_unchecked(&self, text: &str) {
        let manifests = Manifests::parse(Path::new("a.yaml"), text).unwrap();
        let plan = Plan::compile(manifests, &LocalModules::new(dist()), &Filters::unchecked()).unwrap();
        let folder = self.envoy.proxy().run_dir();
        let module = folder.put_module(plan.plugins[0].module.as_ref().unwrap()).unwrap();
        let extension =
            tollgate::envoy::extension(&plan.plugins[0].plugin, &module, tollgate::scope::Naming::default());
        folder.put_json(&folder.ecds(&extension), &extension.response("bad")).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

const FIRST: &str = "rules: [{request: {set: [{name: x-a, value: one}]}}]";
const SECOND: &str = "rules: [{request: {set: [{name: x-a, value: two}]}}]";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_applied_and_waited_for_until_the_sidecar_has_it() {
    let mut cluster = Cluster::start(FIRST).await;
    let mut mesh =
        KindMesh::start_at(cluster.places(), &plugin::header_filter(FIRST), Setup::default()).await.unwrap();
    assert_eq!(mesh.pod(), "case-7-5f");
    assert_eq!(mesh.arrived()[0].path, "/seen");
    let applied = fs::read_to_string(cluster.file("applied/manifests.yaml")).unwrap();
    assert!(applied.contains("value: one"), "{applied}");

    // The sidecar gets it later than the call returns.
    let text = plugin::header_filter(SECOND);
    let applying = mesh.apply(&text);
    let mut applying = Box::pin(applying);
    let early = tokio::time::timeout(Duration::from_secs(1), &mut applying).await;
    assert!(early.is_err(), "{early:?}");
    cluster.envoy.apply(&placed(SECOND)).await.unwrap();
    let done = applying.await.unwrap();
    assert!(done.changed[0].contains("/shop.case-7-header-filter~"), "{done:?}");
    let answer = client::send(mesh.address(), &Request::get("/")).await.unwrap();
    assert!(String::from_utf8_lossy(&answer.body).contains("two"), "{answer:?}");

    let calls = fs::read_to_string(cluster.file("calls")).unwrap();
    assert!(
        calls.lines().all(|call| call.starts_with("--context kind-tollgate --namespace shop ")),
        "{calls}"
    );
    assert!(calls.contains("-l tollgate.dev/case=case-7 --prune-allowlist=extensions"), "{calls}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_by_the_module_is_told_with_the_sidecars_log() {
    let cluster = Cluster::start(FIRST).await;
    let setup = Setup { checked: false, ..Setup::default() };
    let mut mesh = KindMesh::start_at(cluster.places(), &plugin::header_filter(FIRST), setup).await.unwrap();
    let bad = "rules: [{reqest: {}}]";
    let text = plugin::header_filter(bad);
    let applying = mesh.apply(&text);
    tokio::pin!(applying);
    let early = tokio::time::timeout(Duration::from_millis(500), &mut applying).await;
    assert!(early.is_err(), "{early:?}");
    // The folder's file is the sidecar's source; the tool itself would not deliver this.
    cluster.deliver_unchecked(&placed(bad));
    match applying.await {
        Err(MeshError::Refused(refusals)) => assert_eq!(refusals[0].reasons, ["a line about wasm"]),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn manifests_with_faults_never_reach_the_cluster() {
    let cluster = Cluster::start(FIRST).await;
    let text = plugin::header_filter("rules: [{reqest: {}}]");
    let started = KindMesh::start_at(cluster.places(), &text, Setup::default());
    assert!(matches!(started.await, Err(MeshError::Manifests(_))));
    assert!(!cluster.file("applied").exists());
}
