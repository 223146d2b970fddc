//! What Envoy is started with: everything that does not change while it runs.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::node::Node;
use super::run_dir::RunDir;

/// The bootstrap of a proxy for a run directory and an upstream, with the admin interface on a free port.
#[must_use]
pub fn bootstrap(run_dir: &RunDir, upstream: SocketAddr, node: &Node) -> Value {
    bootstrap_with(run_dir, upstream, node, SocketAddr::from(([127, 0, 0, 1], 0)))
}

/// The same, with the admin interface at an address.
pub(super) fn bootstrap_with(
    run_dir: &RunDir,
    upstream: SocketAddr,
    node: &Node,
    admin: SocketAddr,
) -> Value {
    json!({
        "node": node.json(),
        "admin": {"address": socket_address(&admin.ip().to_string(), admin.port())},
        "stats_config": {"stats_tags": stats_tags()},
        "stats_flush_interval": "1s",
        "dynamic_resources": {
            "cds_config": config_source(&run_dir.cds(), "0s"),
            "lds_config": config_source(&run_dir.lds(), "0s"),
        },
        "static_resources": {"clusters": [cluster(upstream)]},
    })
}

/// A file that Envoy reads again whenever another is renamed over it.
pub(super) fn config_source(file: &std::path::Path, initial_fetch_timeout: &str) -> Value {
    json!({
        "path_config_source": {"path": file, "watched_directory": {"path": file.parent()}},
        "initial_fetch_timeout": initial_fetch_timeout,
        "resource_api_version": "V3",
    })
}

pub(super) fn socket_address(address: &str, port: u16) -> Value {
    json!({"socket_address": {"address": address, "port_value": port}})
}

/// The tags of Istio's own bootstrap that turn a filter's metric names into labels.
fn stats_tags() -> Value {
    json!([
        {"tag_name": "wasm_filter", "regex": r"(wasm_filter\.(.+?)\.)"},
        {"tag_name": "component", "regex": r"(component\.(.+?)\.)"},
        {"tag_name": "tag", "regex": r"(tag\.(.+?);\.)"},
    ])
}

fn cluster(upstream: SocketAddr) -> Value {
    let address = socket_address(&upstream.ip().to_string(), upstream.port());
    let options = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    json!({
        "name": "echo",
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": "echo",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
        // HTTP/2 stays HTTP/2 all the way, so that what is seen upstream is what was sent.
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": options,
                "use_downstream_protocol_config": {"http_protocol_options": {}, "http2_protocol_options": {}},
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_bootstrap_names_the_files_and_the_upstream() {
        let run_dir = RunDir::at(Path::new("/run/x"));
        let bootstrap = bootstrap(&run_dir, "127.0.0.1:9".parse().unwrap(), &Node::default());
        assert_eq!(bootstrap["node"]["metadata"]["NAMESPACE"], "default");
        let lds = &bootstrap["dynamic_resources"]["lds_config"]["path_config_source"];
        assert_eq!(lds, &json!({"path": "/run/x/lds/lds.json", "watched_directory": {"path": "/run/x/lds"}}));
        let cluster = &bootstrap["static_resources"]["clusters"][0];
        let endpoint = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
        assert_eq!(endpoint["address"]["socket_address"]["port_value"], 9);
        assert_eq!(bootstrap["admin"]["address"], socket_address("127.0.0.1", 0));
        let admin = "0.0.0.0:9901".parse().unwrap();
        let elsewhere = bootstrap_with(&run_dir, "127.0.0.1:9".parse().unwrap(), &Node::default(), admin);
        assert_eq!(elsewhere["admin"]["address"], socket_address("0.0.0.0", 9901));
        assert_eq!(bootstrap["stats_config"]["stats_tags"][0]["regex"], r"(wasm_filter\.(.+?)\.)");
    }
}
