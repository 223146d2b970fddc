//! What other objects tell of the mesh that plugins are aimed at: its gateways, waypoints and services. They are read
//! for what they say and never found fault with.

use super::yaml::{Node, Value};

/// What is known from an object that is not ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// A `Gateway` of the Gateway API.
    Gateway(Gateway),
    /// A `Service`, by the host under which the mesh knows it.
    Service(String),
}

/// A `Gateway` of the Gateway API: a gateway, or a waypoint of the ambient mesh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// The name.
    pub name: String,
    /// The namespace.
    pub namespace: String,
    /// Whether it is a waypoint.
    pub waypoint: bool,
}

/// The group of the Gateway API.
pub(crate) const GATEWAY_API: &str = "gateway.networking.k8s.io";
/// The class of waypoints.
pub(crate) const WAYPOINT_CLASS: &str = "istio-waypoint";

/// The label that says what a waypoint is for, whatever its class.
const WAYPOINT_FOR: &str = "istio.io/waypoint-for";

pub(super) fn known(kind: &str, document: &Node) -> Option<Known> {
    let text = |path: [&str; 2]| document.field(path[0])?.value.field(path[1])?.value.text();
    let group = document.field("apiVersion")?.value.text()?;
    let name = text(["metadata", "name"])?.to_owned();
    let namespace = text(["metadata", "namespace"]).unwrap_or("default").to_owned();
    match kind {
        "Gateway" if group.strip_prefix(GATEWAY_API).is_some_and(|version| version.starts_with('/')) => {
            let labels = document.get("metadata").and_then(|metadata| metadata.get("labels"));
            let class = text(["spec", "gatewayClassName"]).unwrap_or_default();
            // Istio's own class is one of them.
            let waypoint =
                class.contains("waypoint") || labels.is_some_and(|labels| labels.get(WAYPOINT_FOR).is_some());
            Some(Known::Gateway(Gateway { name, namespace, waypoint }))
        }
        "Service" if group == "v1" => Some(Known::Service(format!("{name}.{namespace}.svc.cluster.local"))),
        _ => None,
    }
}

/// The objects of a `List`, as `kubectl get -o yaml` prints several, or of a `WasmPluginList`, as the API does; anything
/// else is its own only object.
pub(super) fn objects(document: Node) -> Vec<Node> {
    let kind = document.field("kind").and_then(|entry| entry.value.text());
    let is_list = kind.is_some_and(|kind| kind.ends_with("List"));
    match document.field("items").map(|entry| &entry.value.value) {
        Some(Value::List(items)) if is_list => items.clone(),
        _ => vec![document],
    }
}
