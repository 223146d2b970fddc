//! Gateways and waypoints: where a filter stands that is not at a workload.

use std::net::SocketAddr;

use e2e::Request;

use crate::support::{Object, curl_until, gateway, header_filter, kubectl, until};

/// A header filter for a Gateway of this name.
fn plugin(namespace: &str, gateway: &str) -> String {
    format!(
        "apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {{name: at-{gateway}, namespace: {namespace}}}
spec:
  targetRefs: [{{group: gateway.networking.k8s.io, kind: Gateway, name: {gateway}}}]
  url: {}
  phase: AUTHN
  priority: 100
  failStrategy: FAIL_RELOAD
  vmConfig: {{env: [{{name: TOLLGATE_PLUGIN, value: at-{gateway}}}]}}
  pluginConfig: {{rules: [{{response: {{set: [{{name: x-place, value: {gateway}}}]}}}}]}}
",
        header_filter()
    )
}

#[tokio::test]
async fn a_gateway_runs_the_plugins_that_name_it() {
    let kubectl = kubectl();
    let tunnel = gateway(&kubectl).await;
    let address = SocketAddr::from(([127, 0, 0, 1], tunnel.port));
    let request = Request::get("/");
    let place = |answer: &e2e::Response| answer.headers.get("x-place");
    until(address, "the gateway", &request, |answer| answer.status == 200 && place(answer).is_none()).await;
    let object = Object::create(&kubectl, &plugin("shop", "edge"));
    until(address, "the gateway's plugin", &request, |answer| place(answer).as_deref() == Some("edge")).await;
    drop(object);
    until(address, "the gateway without it", &request, |answer| {
        answer.status == 200 && place(answer).is_none()
    })
    .await;
}

#[tokio::test]
async fn a_waypoint_runs_plugins_for_workloads_without_sidecars() {
    let kubectl = kubectl().in_namespace("ambient");
    let url = ["http://echo.ambient/"];
    let answered = |answer: &str| answer.starts_with("HTTP/1.1 200");
    curl_until(&kubectl, "the echo by way of the waypoint", &url, answered).await;
    let _object = Object::create(&kubectl, &plugin("ambient", "waypoint"));
    let placed = |answer: &str| answer.to_lowercase().contains("x-place: waypoint");
    curl_until(&kubectl, "the waypoint's plugin", &url, |answer| answered(answer) && placed(answer)).await;
}
