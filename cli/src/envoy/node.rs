//! Who the proxy is: what Istio writes into the bootstrap, as far as a filter can read it (`xds.node…`).

use std::net::Ipv4Addr;

use serde_json::{Map, Value, json};

/// A pod with a sidecar, as Envoy is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The pod's name.
    pub name: String,
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's labels; `app` names the workload.
    pub labels: Vec<(String, String)>,
    /// The pod's address.
    pub address: Ipv4Addr,
}

impl Default for Node {
    fn default() -> Self {
        Self::new("default", Vec::new())
    }
}

impl Node {
    /// A pod of a namespace, with labels.
    #[must_use]
    pub fn new(namespace: &str, labels: Vec<(String, String)>) -> Self {
        let name = "tollgate-0".to_owned();
        Self { name, namespace: namespace.to_owned(), labels, address: Ipv4Addr::LOCALHOST }
    }

    /// The bootstrap's `node`, in the form of Istio's `pkg/bootstrap`.
    #[must_use]
    pub fn json(&self) -> Value {
        let Self { name, namespace, address, .. } = self;
        let label =
            |wanted: &str| self.labels.iter().find(|(label, _)| label == wanted).map(|(_, value)| value);
        let workload = label("app").map_or("tollgate", String::as_str);
        let labels: Map<String, Value> =
            self.labels.iter().map(|(label, value)| (label.clone(), json!(value))).collect();
        json!({
            "id": format!("sidecar~{address}~{name}.{namespace}~{namespace}.svc.cluster.local"),
            "cluster": format!("{workload}.{namespace}"),
            "metadata": {
                "CLUSTER_ID": "Kubernetes",
                "INSTANCE_IPS": address.to_string(),
                "INTERCEPTION_MODE": "REDIRECT",
                "LABELS": labels,
                "MESH_ID": "cluster.local",
                "NAME": name,
                "NAMESPACE": namespace,
                "OWNER": format!("kubernetes://apis/apps/v1/namespaces/{namespace}/deployments/{workload}"),
                "SERVICE_ACCOUNT": "default",
                "WORKLOAD_NAME": workload,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_named_as_istio_names_it() {
        let node = Node::new("shop", vec![("app".to_owned(), "web".to_owned())]).json();
        assert_eq!(node["id"], "sidecar~127.0.0.1~tollgate-0.shop~shop.svc.cluster.local");
        assert_eq!(
            (&node["cluster"], &node["metadata"]["LABELS"]),
            (&json!("web.shop"), &json!({"app": "web"}))
        );
        assert_eq!(Node::default().json()["metadata"]["NAMESPACE"], "default");
    }
}
