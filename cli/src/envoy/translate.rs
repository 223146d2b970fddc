//! From a WasmPlugin to the ECDS resource that Envoy would get from istiod by way of istio-agent.
//!
//! Istio leaves `vm_id` empty and so does this: two plugins of one module with the same environment share a VM here
//! exactly when they would on a cluster.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::manifest::{EnvValue, FailStrategy, WasmPlugin};
use crate::plan::config_json;

/// The type of the filter's configuration.
pub(super) const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
/// istio-agent's fallback when a module cannot be fetched; it is among the types that the listener must allow.
pub(super) const RBAC: &str = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";

/// Variables with which istiod talks to istio-agent; the agent takes them out.
const AGENT_PREFIX: &str = "ISTIO_META_";

/// One plugin as Envoy gets it.
#[derive(Debug, Clone, PartialEq)]
pub struct Extension {
    /// The resource's name, which is also the HTTP filter's.
    pub name: String,
    /// `namespace.name`, for people and for file names.
    pub plugin: String,
    /// The typed configuration.
    pub config: Value,
}

impl Extension {
    /// The file that delivers it. Envoy takes an equal configuration for no change, whatever the version says.
    #[must_use]
    pub fn response(&self, version: &str) -> Value {
        json!({
            "version_info": version,
            "resources": [{
                "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
                "name": self.name,
                "typed_config": self.config,
            }],
        })
    }
}

/// Translates a plugin whose module lies in the given file.
#[must_use]
pub fn extension(plugin: &WasmPlugin, module: &Path) -> Extension {
    let full_name = plugin.full_name();
    // Since Istio 1.30 every WasmPlugin is turned into a TrafficExtension under this name.
    let translated = format!("{full_name}~istio-translated-wasmplugin");
    let mut vm = Map::new();
    vm.insert("runtime".to_owned(), json!("envoy.wasm.runtime.v8"));
    vm.insert("code".to_owned(), json!({"local": {"filename": module}}));
    if let Some(variables) = environment(plugin) {
        vm.insert("environment_variables".to_owned(), variables);
    }
    let mut config = Map::new();
    config.insert("name".to_owned(), json!(translated));
    config.insert("root_id".to_owned(), json!(plugin.spec.plugin_name.as_deref().unwrap_or_default()));
    if let Some(text) = config_json(plugin) {
        let text = json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": text});
        config.insert("configuration".to_owned(), text);
    }
    let policy = match plugin.spec.fail_strategy {
        FailStrategy::Close => "FAIL_CLOSED",
        FailStrategy::Open => "FAIL_OPEN",
        FailStrategy::Reload => "FAIL_RELOAD",
    };
    config.insert("failure_policy".to_owned(), json!(policy));
    config.insert("vm_config".to_owned(), Value::Object(vm));
    Extension {
        name: format!("extensions.istio.io/trafficextension/{translated}"),
        plugin: full_name,
        config: json!({"@type": WASM, "config": config}),
    }
}

fn environment(plugin: &WasmPlugin) -> Option<Value> {
    let mut values = Map::new();
    let mut host = Vec::new();
    for variable in &plugin.spec.env {
        match &variable.value {
            EnvValue::Inline(_) if variable.name.starts_with(AGENT_PREFIX) => {}
            EnvValue::Inline(value) => {
                values.insert(variable.name.clone(), json!(value));
            }
            EnvValue::Host => host.push(json!(variable.name)),
        }
    }
    let mut variables = Map::new();
    if !values.is_empty() {
        variables.insert("key_values".to_owned(), Value::Object(values));
    }
    if !host.is_empty() {
        variables.insert("host_env_keys".to_owned(), Value::Array(host));
    }
    (!variables.is_empty()).then_some(Value::Object(variables))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifests;

    fn check(spec: &str, expected: &Value) {
        let text = format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\n\
             metadata: {{name: jwt, namespace: shop}}\nspec:\n  url: oci://x/y:1\n{spec}"
        );
        let plugin = Manifests::parse(Path::new("a.yaml"), &text).unwrap().plugins.remove(0);
        let extension = extension(&plugin, Path::new("/run/modules/00.wasm"));
        assert_eq!(
            extension.name,
            "extensions.istio.io/trafficextension/shop.jwt~istio-translated-wasmplugin"
        );
        assert_eq!(extension.config["@type"], WASM);
        assert_eq!(&extension.config["config"], expected, "{spec}");
    }

    #[test]
    fn a_bare_plugin_gets_istios_defaults() {
        let bare = json!({
            "name": "shop.jwt~istio-translated-wasmplugin",
            "root_id": "",
            "failure_policy": "FAIL_CLOSED",
            "vm_config": {
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": "/run/modules/00.wasm"}},
            },
        });
        check("", &bare);
        check("  pluginConfig: {}\n", &bare);
        check("  vmConfig: {env: [{name: ISTIO_META_X, value: z}]}\n", &bare);
    }

    #[test]
    fn a_full_plugin_is_translated_as_istiod_and_its_agent_do() {
        let spec = "  pluginName: jwt\n  pluginConfig: {issuer: x, audiences: [a, b], leeway: 5.0}\n  \
                    failStrategy: FAIL_RELOAD\n  vmConfig:\n    env:\n    - {name: MODE, value: strict}\n    \
                    - {name: POD_NAME, valueFrom: HOST}\n";
        check(
            spec,
            &json!({
                "name": "shop.jwt~istio-translated-wasmplugin",
                "root_id": "jwt",
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": r#"{"audiences":["a","b"],"issuer":"x","leeway":5}"#,
                },
                "failure_policy": "FAIL_RELOAD",
                "vm_config": {
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": "/run/modules/00.wasm"}},
                    "environment_variables": {
                        "key_values": {"MODE": "strict"},
                        "host_env_keys": ["POD_NAME"],
                    },
                },
            }),
        );
    }

    #[test]
    fn fail_open_stays_fail_open() {
        let text = "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\n\
                    metadata: {name: a}\nspec: {url: x, failStrategy: FAIL_OPEN}\n";
        let plugin = Manifests::parse(Path::new("a.yaml"), text).unwrap().plugins.remove(0);
        let extension = extension(&plugin, Path::new("/m.wasm"));
        assert_eq!(extension.config["config"]["failure_policy"], "FAIL_OPEN");
        let response = extension.response("7");
        assert_eq!(response["version_info"], "7");
        assert_eq!(
            response["resources"][0]["name"],
            "extensions.istio.io/trafficextension/default.a~istio-translated-wasmplugin"
        );
    }
}
