//! Manifests for tests.

use std::cell::Cell;
use std::net::SocketAddr;

thread_local! {
    static ON_EDGE: Cell<bool> = const { Cell::new(false) };
}

/// Runs a case with the edge filter in place of each filter whose manifest is made by this thread meanwhile.
pub fn on_edge(case: impl FnOnce()) {
    ON_EDGE.set(true);
    case();
    ON_EDGE.set(false);
}

/// True within [`on_edge`].
#[must_use]
pub fn is_on_edge() -> bool {
    ON_EDGE.get()
}

/// An edge filter with the given `pluginConfig`, which is YAML, and the variables of the suite's auth filters.
#[must_use]
pub fn edge_filter(config: &str) -> String {
    with_variables(
        wasm_plugin("edge-filter", "oci://ghcr.io/tollgate/edge-filter:0.1.0", config),
        "edge-filter",
    )
}

/// The configuration of several parts, each under its field.
#[must_use]
pub fn edge_config(parts: &[(&str, &str)]) -> String {
    let part = |(field, config): &(&str, &str)| match indented(config) {
        config if config.is_empty() => format!("{field}: {{}}\n"),
        config => format!("{field}:\n{config}"),
    };
    parts.iter().map(part).collect()
}

/// A filter, or the edge filter in its place.
fn filter(name: &str, part: &str, config: &str) -> String {
    if is_on_edge() {
        let url = "oci://ghcr.io/tollgate/edge-filter:0.1.0";
        return wasm_plugin(name, url, &edge_config(&[(part, config)]));
    }
    wasm_plugin(name, &format!("oci://ghcr.io/tollgate/{name}:0.1.0"), config)
}

/// A header filter with the given `pluginConfig`, which is YAML.
#[must_use]
pub fn header_filter(config: &str) -> String {
    filter("header-filter", "headers", config)
}

/// The variables that auth filters of the suite find in their environment.
pub const AUTH_ENV: [(&str, &str); 2] =
    [("BETA_KEY", "beta-key-in-the-clear"), ("SECRET", "introspection-secret")];

/// An auth filter with the given `pluginConfig`, which is YAML.
#[must_use]
pub fn auth_filter(config: &str) -> String {
    with_variables(filter("auth-filter", "auth", config), "auth-filter")
}

fn with_variables(plugin: String, name: &str) -> String {
    let variables: String =
        AUTH_ENV.iter().map(|(name, value)| format!(", {{name: {name}, value: {value}}}")).collect();
    plugin.replacen(&format!("value: {name}}}]"), &format!("value: {name}}}{variables}]"), 1)
}

/// A rate limit filter with the given `pluginConfig`, which is YAML. It comes after the others, wherever its document
/// stands: what it counts by may be an identity.
#[must_use]
pub fn ratelimit_filter(config: &str) -> String {
    let plugin = filter("ratelimit-filter", "rateLimit", config);
    plugin.replacen("phase: AUTHN", "phase: AUTHZ", 1)
}

/// Where rate limit filters of the suite find their service: the cluster
/// `outbound|8081||limitador.limits.svc.cluster.local`.
pub const LIMITADOR: (&str, u16) = ("limitador.limits.svc.cluster.local", 8081);

/// The rate limit service at an address, or what stands in front of it.
#[must_use]
pub fn rate_limit_service(at: SocketAddr) -> String {
    let (host, port) = LIMITADOR;
    entry(host, port, "GRPC", at)
}

/// A service outside the mesh, at one address: the cluster `outbound|<port>||<host>`.
#[must_use]
pub fn service_entry(host: &str, port: u16, at: SocketAddr) -> String {
    entry(host, port, "HTTP", at)
}

fn entry(host: &str, port: u16, protocol: &str, at: SocketAddr) -> String {
    let (address, own) = (at.ip(), at.port());
    format!(
        "---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {host}, namespace: test}}
spec:
  hosts: [{host}]
  ports: [{{number: {port}, name: main, protocol: {protocol}}}]
  resolution: STATIC
  endpoints: [{{address: \"{address}\", ports: {{main: {own}}}}}]
"
    )
}

/// A plugin of any module.
#[must_use]
pub fn wasm_plugin(name: &str, url: &str, config: &str) -> String {
    let config = indented(config);
    let config = if config.trim().is_empty() { "    {}\n" } else { &config };
    format!(
        "apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {{name: {name}, namespace: test}}
spec:
  url: {url}
  phase: AUTHN
  priority: 100
  failStrategy: FAIL_RELOAD
  vmConfig: {{env: [{{name: TOLLGATE_PLUGIN, value: {name}}}]}}
  pluginConfig:
{config}"
    )
}

/// The text with four more spaces before each line, less what all its lines have in common.
fn indented(text: &str) -> String {
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let indent = |line: &str| line.len().saturating_sub(line.trim_start().len());
    let common = lines().map(indent).min().unwrap_or_default();
    lines().map(|line| format!("    {}\n", line.get(common..).unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tollgate::cluster::{Cluster, clusters};
    use tollgate::manifest::{Manifests, in_chain_order};

    use super::*;

    #[test]
    fn the_rate_limit_service_is_spoken_to_in_http2_and_others_are_not() {
        let text = [
            rate_limit_service(([127, 0, 0, 1], 4711).into()),
            service_entry("a.com", 443, ([127, 0, 0, 1], 80).into()),
        ];
        let (clusters, notes) = clusters(&Manifests::parse(Path::new("a.yaml"), &text.concat()).unwrap());
        let cluster = |name: &str, port, http2| {
            let endpoints = vec![("127.0.0.1".to_owned(), port)];
            Cluster { name: name.to_owned(), dns: false, endpoints, http2, tls: None }
        };
        let limitador = "outbound|8081||limitador.limits.svc.cluster.local";
        assert_eq!(clusters, [cluster(limitador, 4711, true), cluster("outbound|443||a.com", 80, false)]);
        assert!(notes.is_empty(), "{notes:?}");
    }

    #[test]
    fn the_rate_limit_filter_comes_after_the_one_that_knows_the_client() {
        let text = format!("{}---\n{}", ratelimit_filter("limits: []"), auth_filter("rules: []"));
        let plugins = in_chain_order(Manifests::parse(Path::new("a.yaml"), &text).unwrap().plugins);
        let names: Vec<&str> = plugins.iter().map(|plugin| plugin.metadata.name.as_str()).collect();
        assert_eq!(names, ["auth-filter", "ratelimit-filter"]);
    }

    #[test]
    fn on_edge_each_part_has_a_place_of_its_own() {
        let alone = header_filter("a: 1");
        on_edge(|| {
            let plugin = header_filter("\n        a: 1\n        b:\n          c: 2\n");
            assert!(
                plugin.contains("edge-filter:0.1.0") && plugin.contains("name: header-filter,"),
                "{plugin}"
            );
            assert!(
                plugin.ends_with("\n    headers:\n        a: 1\n        b:\n          c: 2\n"),
                "{plugin}"
            );
        });
        assert_eq!(header_filter("a: 1"), alone);
        assert_eq!(edge_config(&[("headers", ""), ("auth", "b: 2")]), "headers: {}\nauth:\n    b: 2\n");
        assert!(edge_filter("").contains("value: edge-filter}, {name: BETA_KEY"));
    }

    #[test]
    fn a_config_is_indented_whatever_its_own_indentation() {
        assert_eq!(indented("a: 1\nb:\n  c: 2"), "    a: 1\n    b:\n      c: 2\n");
        assert_eq!(indented("\n      a: 1\n      b:\n        c: 2\n    "), "    a: 1\n    b:\n      c: 2\n");
        assert_eq!(indented("{}"), "    {}\n");
    }
}
