//! Modules swapped by digest, as an operator does it: another `url` in the manifest, and no pod is touched.

use std::process::Command;

use e2e::kind::{KindMesh, Modules};
use e2e::load::Load;
use e2e::mesh::Setup;
use e2e::module::variant;
use e2e::{Mesh, MeshError, Request, Response, local, plugin, send};

use crate::support::{kubectl, until};

const CONFIG: &str = "rules: [{response: {set: [{name: x-a, value: \"1\"}]}}]";

fn fine(answer: &Response) -> bool {
    answer.status == 200 && answer.headers.get("x-a").as_deref() == Some("1")
}

/// A header filter in the registry that differs from others in its bytes only; its name there, as pods know it.
fn pushed(number: u8) -> Modules {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("header-filter.wasm");
    let module = std::fs::read(local::dist().join("header-filter.wasm")).unwrap();
    std::fs::write(&file, variant(&module, number)).unwrap();
    let registry = std::env::var("E2E_KIND_REGISTRY").unwrap();
    let reference = format!("oci://{registry}/tollgate/header-filter:variant-{number}");
    let mut push = Command::new(env!("CARGO_BIN_EXE_tollgate-under-test"));
    let output = push.arg("push").arg(&file).arg(reference).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let pinned = String::from_utf8(output.stdout).unwrap().trim().replace(&registry, "kind-registry:5000");
    Modules::parse(&format!("header-filter {pinned}")).unwrap()
}

/// Which pod runs, and how often its containers were started again.
fn life(pod: &str) -> String {
    let format = "jsonpath={.metadata.uid}{range .status.containerStatuses[*]} {.restartCount}{end}";
    kubectl().run(&["get", "pod", pod, "-o", format]).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_module_is_swapped_under_load_and_no_pod_is_started_again() {
    let mut mesh = KindMesh::start(&plugin::header_filter(CONFIG), Setup::default()).await.unwrap();
    until(mesh.address(), "the filter", &Request::get("/"), fine).await;
    let before = life(mesh.pod());
    let load = Load::start(mesh.address(), &Request::get("/"), 2, fine);
    for number in 1..=4 {
        mesh.fetch_from(pushed(number));
        // Returns when the sidecar has the file of the new digest.
        mesh.apply(&plugin::header_filter(CONFIG)).await.unwrap();
    }
    let tally = load.stop().await;
    assert!(tally.failures.is_empty(), "{:?} of {}", tally.failures.first(), tally.failures.len());
    assert!(tally.fine > 100, "{}", tally.fine);
    assert_eq!(life(mesh.pod()), before);
}

#[tokio::test]
async fn a_module_that_cannot_be_fetched_refuses_everyone_until_one_can() {
    let mut mesh = KindMesh::start(&plugin::header_filter(CONFIG), Setup::default()).await.unwrap();
    let missing =
        "header-filter oci://kind-registry:5000/tollgate/none:1@sha256:".to_owned() + &"0".repeat(64);
    mesh.fetch_from(Modules::parse(&missing).unwrap());
    match mesh.apply(&plugin::header_filter(CONFIG)).await {
        Err(MeshError::Setup(says)) => {
            assert!(says.contains("could not fetch it and installed envoy.ext"), "{says}")
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(send(mesh.address(), &Request::get("/")).await.unwrap().status, 403);
    mesh.fetch_from(Modules::of_environment().unwrap());
    mesh.apply(&plugin::header_filter(CONFIG)).await.unwrap();
    until(mesh.address(), "the filter again", &Request::get("/"), fine).await;
}

#[tokio::test]
async fn a_configuration_that_the_module_refuses_leaves_the_old_one_live() {
    let setup = Setup { checked: false, ..Setup::default() };
    let mut mesh = KindMesh::start(&plugin::header_filter(CONFIG), setup).await.unwrap();
    let refused = mesh.apply(&plugin::header_filter("rules: [{reqest: {}}]")).await;
    assert!(matches!(refused, Err(MeshError::Refused(_))), "{refused:?}");
    until(mesh.address(), "the old configuration", &Request::get("/"), fine).await;
}
