//! One file for an Envoy without a control plane: listener, plugins, routes, clusters.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{Args, Form, yaml};
use crate::envoy::{self, Chain, Extension, Node, RunDir, Settings};
use crate::manifest::WasmPlugin;
use crate::module::Module;
use crate::plan::Plan;
use crate::scope::Naming;

/// Where the admin interface listens; in a container it is published from there.
pub(super) const ADMIN: u16 = 9901;
/// Where the stand-in for an upstream listens, inside Envoy.
const STAND_IN: (&str, u16) = ("127.0.0.1", 18080);

/// The configuration, with the modules where `place` says that they are.
pub(super) fn config(plan: &Plan, args: &Args, place: impl Fn(&Module) -> PathBuf) -> Result<String, String> {
    let upstream = args.upstream.as_deref().map(host_and_port).transpose()?;
    let mut extensions: Vec<Extension> = Vec::new();
    for planned in &plan.plugins {
        let module = planned.module.as_ref().map_err(Clone::clone)?;
        extensions.push(translated(&planned.plugin, &place(module)));
    }
    // The listener and the clusters are those of `tollgate run`, less what only files need.
    let run_dir = RunDir::at(Path::new("/dev"));
    let settings = Settings { port: args.port, ..Settings::new("envoy") };
    let chain = Chain { serving: &extensions, trial: None };
    let listener = envoy::listeners(chain, &run_dir, &settings, "1");
    let mut listeners: Vec<Value> =
        resources(listener).into_iter().map(|main| served(main, &extensions)).collect();
    let mut clusters = resources(envoy::clusters(&plan.clusters, "1"));
    let (host, port) = upstream.clone().unwrap_or_else(|| (STAND_IN.0.to_owned(), STAND_IN.1));
    clusters.push(upstream_cluster(&host, port));
    if upstream.is_none() {
        listeners.push(stand_in());
    }
    // In a container nobody but the compose file's ports lets anyone in; elsewhere it is this machine's alone.
    let admin = if args.to == Form::Compose { "0.0.0.0" } else { "127.0.0.1" };
    let bootstrap = json!({
        "node": {"id": "tollgate", "cluster": "tollgate"},
        "admin": {"address": address(admin, ADMIN)},
        "stats_config": stats_config(&run_dir),
        "static_resources": {"listeners": listeners, "clusters": clusters},
    });
    Ok(yaml::text(&yaml::node(bootstrap)))
}

/// A plugin as Envoy gets it, its configuration in lines that can be read.
pub(super) fn translated(plugin: &WasmPlugin, module: &Path) -> Extension {
    let mut extension = envoy::extension(plugin, module, Naming::default());
    if let Some(text) = extension.config.pointer_mut("/config/configuration/value")
        && let Some(json) = text.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok())
        && let Ok(lines) = serde_json::to_string_pretty(&json)
    {
        *text = json!(lines);
    }
    extension
}

/// What a delivery file holds, as it stands in a bootstrap: without the types that are clear there.
fn resources(mut delivery: Value) -> Vec<Value> {
    let Some(Value::Array(mut resources)) = delivery.get_mut("resources").map(Value::take) else {
        return Vec::new();
    };
    for resource in &mut resources {
        if let Some(fields) = resource.as_object_mut() {
            fields.remove("@type");
        }
    }
    resources
}

/// The listener for all addresses, each plugin with its configuration in place, and requests logged to standard output.
fn served(mut listener: Value, extensions: &[Extension]) -> Value {
    set(&mut listener, "/address/socket_address/address", json!("0.0.0.0"));
    let manager = "/filter_chains/0/filters/0/typed_config";
    set(&mut listener, &format!("{manager}/access_log/0/typed_config/path"), json!("/dev/stdout"));
    set(
        &mut listener,
        &format!("{manager}/route_config/virtual_hosts/0/routes/0/route/cluster"),
        json!("upstream"),
    );
    if let Some(Value::Array(filters)) = listener.pointer_mut(&format!("{manager}/http_filters")) {
        for filter in filters {
            let plugin = filter.get("name").and_then(Value::as_str);
            if let Some(plugin) = extensions.iter().find(|extension| Some(extension.name.as_str()) == plugin)
            {
                *filter = json!({"name": plugin.name, "typed_config": plugin.config});
            }
        }
    }
    listener
}

fn set(value: &mut Value, pointer: &str, to: Value) {
    if let Some(place) = value.pointer_mut(pointer) {
        *place = to;
    }
}

/// The tags that turn the filters' metric names into labels.
fn stats_config(run_dir: &RunDir) -> Value {
    let anywhere = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    envoy::bootstrap(run_dir, anywhere, &Node::default()).get("stats_config").cloned().unwrap_or_default()
}

fn upstream_cluster(host: &str, port: u16) -> Value {
    let endpoint = json!({"endpoint": {"address": address(host, port)}});
    let mut cluster = Map::new();
    cluster.insert("name".to_owned(), json!("upstream"));
    let kind = if host.parse::<std::net::IpAddr>().is_ok() { "STATIC" } else { "STRICT_DNS" };
    cluster.insert("type".to_owned(), json!(kind));
    cluster.insert("connect_timeout".to_owned(), json!("5s"));
    let endpoints = json!({"cluster_name": "upstream", "endpoints": [{"lb_endpoints": [endpoint]}]});
    cluster.insert("load_assignment".to_owned(), endpoints);
    Value::Object(cluster)
}

/// An upstream inside the same Envoy, so that there is something to see.
fn stand_in() -> Value {
    let said = json!({"inline_string": "the upstream got it\n"});
    let route = json!({"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": said}});
    let host = json!({"name": "all", "domains": ["*"], "routes": [route]});
    let router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
    let manager = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    json!({
        "name": "stand-in",
        "address": address(STAND_IN.0, STAND_IN.1),
        "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": manager,
                "stat_prefix": "stand-in",
                "route_config": {"name": "stand-in", "virtual_hosts": [host]},
                "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": router}}],
            },
        }]}],
    })
}

fn address(host: &str, port: u16) -> Value {
    json!({"socket_address": {"address": host, "port_value": port}})
}

/// `host:port` or `[::1]:port`.
fn host_and_port(text: &str) -> Result<(String, u16), String> {
    let wrong = || format!("--upstream {text}: write a host and a port, such as 10.0.0.7:80");
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port: u16 = port.parse().map_err(|_| wrong())?;
    if host.is_empty() || host.contains('/') || port == 0 {
        Err(wrong())
    } else {
        Ok((host.to_owned(), port))
    }
}
