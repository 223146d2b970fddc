//! The filter's metrics, as Prometheus gets them with the labels of Istio's bootstrap.

use e2e::mesh::Setup;
use e2e::{LocalEnvoy, Mesh, Request, plugin};

use crate::support::{MACHINE, PATIENCE, VERBATIM};

#[tokio::test]
async fn requests_that_a_rule_edits_are_counted_under_the_filters_label() {
    let _machine = MACHINE.read().await;
    let mesh = LocalEnvoy::start(&plugin::header_filter(VERBATIM), Setup::default()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(e2e::send(mesh.address(), &Request::get("/api/x")).await.unwrap().status, 200);
    }
    let counted = e2e::eventually("three requests counted", PATIENCE, async || {
        let metrics = mesh.metrics().await.unwrap();
        let labelled = metrics.lines().filter(|line| line.contains("wasm_filter=\"header\""));
        let three: Vec<String> = labelled.filter(|line| line.ends_with(" 3")).map(str::to_owned).collect();
        (!three.is_empty()).then_some(three)
    });
    let counted = counted.await.unwrap();
    assert!(counted.iter().any(|line| line.contains("tag")), "{counted:?}");
}
