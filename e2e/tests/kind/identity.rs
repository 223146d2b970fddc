//! Who is calling, by the certificate that the mesh gives each workload.

use e2e::kind::KindMesh;
use e2e::mesh::Setup;
use e2e::{Mesh, Request, plugin, send};

use crate::support::{curl_until, kubectl};

const WORKLOADS: &str = "
    providers:
    - name: workload
      mtls: {uriSans: [\"spiffe://cluster.local/ns/shop/sa/client\"]}
    rules:
    - {name: all, require: {anyOf: [workload]}}
    identity: {header: x-tollgate-identity}
";

#[tokio::test]
async fn a_workload_of_the_mesh_is_known_by_its_certificate_and_a_stranger_is_not() {
    let mesh = KindMesh::start(&plugin::auth_filter(WORKLOADS), Setup::default()).await.unwrap();
    let forged = Request::get("/").header("x-tollgate-identity", "{\"id\":\"root\"}");
    assert_eq!(send(mesh.address(), &forged).await.unwrap().status, 401);
    let _ = mesh.arrived();
    let service = mesh.pod().split("-").take(2).collect::<Vec<_>>().join("-");
    let url = format!("http://{service}.shop/who");
    curl_until(&kubectl(), "the client let in", &[&url], |answer| answer.starts_with("HTTP/1.1 200")).await;
    let arrived = mesh.arrived().into_iter().rfind(|arrived| arrived.path == "/who").unwrap();
    let identity = arrived.headers.iter().find(|(name, _)| name == "x-tollgate-identity").unwrap();
    let identity = String::from_utf8(identity.1.clone()).unwrap();
    assert!(identity.contains("spiffe://cluster.local/ns/shop/sa/client"), "{identity}");
}
