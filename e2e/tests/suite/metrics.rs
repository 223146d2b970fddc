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
        let ours: Vec<String> =
            metrics.lines().filter(|line| line.contains("tollgate_requests{")).map(str::to_owned).collect();
        ours.iter().any(|line| line.ends_with(" 3")).then_some(ours)
    });
    let expected = r#"tollgate_requests{component="tag",tag="applied",wasm_filter="header"} 3"#;
    let counted = counted.await.unwrap();
    assert!(counted.iter().any(|line| sorted_labels(line) == expected), "{counted:?}");
}

/// The labels in the order of their names: Envoy's is that of its tag extraction.
fn sorted_labels(line: &str) -> String {
    let (name, rest) = line.split_once('{').unwrap();
    let (labels, value) = rest.split_once('}').unwrap();
    let mut labels: Vec<&str> = labels.split(',').collect();
    labels.sort_unstable();
    format!("{name}{{{}}}{value}", labels.join(","))
}
