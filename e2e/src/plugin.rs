//! Manifests for tests.

use std::net::SocketAddr;

/// A header filter with the given `pluginConfig`, which is YAML.
#[must_use]
pub fn header_filter(config: &str) -> String {
    wasm_plugin("header-filter", "oci://ghcr.io/tollgate/header-filter:0.1.0", config)
}

/// The variables that auth filters of the suite find in their environment.
pub const AUTH_ENV: [(&str, &str); 2] =
    [("BETA_KEY", "beta-key-in-the-clear"), ("SECRET", "introspection-secret")];

/// An auth filter with the given `pluginConfig`, which is YAML.
#[must_use]
pub fn auth_filter(config: &str) -> String {
    let plugin = wasm_plugin("auth-filter", "oci://ghcr.io/tollgate/auth-filter:0.1.0", config);
    let variables: String =
        AUTH_ENV.iter().map(|(name, value)| format!(", {{name: {name}, value: {value}}}")).collect();
    plugin.replacen("value: auth-filter}]", &format!("value: auth-filter}}{variables}]"), 1)
}

/// A service outside the mesh, at one address: the cluster `outbound|<port>||<host>`.
#[must_use]
pub fn service_entry(host: &str, port: u16, at: SocketAddr) -> String {
    let (address, own) = (at.ip(), at.port());
    format!(
        "---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {host}, namespace: test}}
spec:
  hosts: [{host}]
  ports: [{{number: {port}, name: http, protocol: HTTP}}]
  resolution: STATIC
  endpoints: [{{address: \"{address}\", ports: {{http: {own}}}}}]
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
    use super::*;

    #[test]
    fn a_config_is_indented_whatever_its_own_indentation() {
        assert_eq!(indented("a: 1\nb:\n  c: 2"), "    a: 1\n    b:\n      c: 2\n");
        assert_eq!(indented("\n      a: 1\n      b:\n        c: 2\n    "), "    a: 1\n    b:\n      c: 2\n");
        assert_eq!(indented("{}"), "    {}\n");
    }
}
