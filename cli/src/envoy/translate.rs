//! From a WasmPlugin to the ECDS resource that Envoy would get from istiod by way of istio-agent.
//!
//! Istio leaves `vm_id` empty and so does this: two plugins of one module with the same environment share a VM here
//! exactly when they would on a cluster.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::manifest::{EnvValue, FailStrategy, PullPolicy, WasmPlugin};
use crate::plan::config_json;
use crate::scope::Naming;

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
pub fn extension(plugin: &WasmPlugin, module: &Path, naming: Naming) -> Extension {
    let mut vm = Map::new();
    vm.insert("runtime".to_owned(), json!("envoy.wasm.runtime.v8"));
    vm.insert("code".to_owned(), json!({"local": {"filename": module}}));
    if let Some(variables) = environment(plugin) {
        vm.insert("environment_variables".to_owned(), variables);
    }
    let mut config = Map::new();
    config.insert("name".to_owned(), json!(naming.plugin(plugin)));
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
        name: naming.resource(plugin),
        plugin: plugin.full_name(),
        config: json!({"@type": WASM, "config": config}),
    }
}

/// What istiod puts into the environment, less what istio-agent takes out again. It does not touch `file://`: such a plugin
/// sees what istiod has to say to the agent.
fn environment(plugin: &WasmPlugin) -> Option<Value> {
    let untouched = plugin.spec.url.starts_with("file://");
    let mut values = if untouched { for_the_agent(plugin) } else { Map::new() };
    let mut host = Vec::new();
    for variable in &plugin.spec.env {
        match &variable.value {
            EnvValue::Inline(_) if !untouched && variable.name.starts_with(AGENT_PREFIX) => {}
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

/// istiod's words to istio-agent, as far as they are known here: a pull secret's content is not, and a resource version only
/// where the manifest has come out of a cluster.
fn for_the_agent(plugin: &WasmPlugin) -> Map<String, Value> {
    let policy = match plugin.spec.image_pull_policy {
        PullPolicy::Unspecified => None,
        PullPolicy::IfNotPresent => Some("IfNotPresent"),
        PullPolicy::Always => Some("Always"),
    };
    let metadata = plugin.document.field("metadata");
    let version = metadata.and_then(|metadata| metadata.value.field("resourceVersion")?.value.text());
    let words = [("WASM_IMAGE_PULL_POLICY", policy), ("WASM_PLUGIN_RESOURCE_VERSION", version)];
    let known =
        words.into_iter().filter_map(|(name, value)| Some((format!("{AGENT_PREFIX}{name}"), json!(value?))));
    known.collect()
}
