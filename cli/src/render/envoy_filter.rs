//! A WasmPlugin as an EnvoyFilter, for meshes that may not or cannot use WasmPlugin.
//!
//! The configuration goes by ECDS as with a WasmPlugin, because istio-agent fetches modules for ECDS only and a change of rules then
//! leaves the listener alone. What an EnvoyFilter can only say less well than a WasmPlugin is its place: there is no filter of
//! Istio's that always stands between authentication and authorization. So AUTHN and AUTHZ come first of all, before
//! Istio's own checks, and the others right before the router, after all of them.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::envoy::translated;
use super::yaml;
use crate::fault::{Fault, Faults};
use crate::manifest::yaml::Node;
use crate::manifest::{Mode, Phase, PluginType, PullPolicy, TrafficMatch, WasmPlugin, in_chain_order};

const MANAGER: &str = "envoy.filters.network.http_connection_manager";
const ROUTER: &str = "envoy.filters.http.router";
const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const RBAC: &str = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";
/// Between two priorities, so that equals and other objects fit in.
const STEP: i64 = 10;
/// For each phase.
const PHASE: i64 = 1_000_000;

/// One object for each plugin, whose `priority` keeps them in the order of the chain.
pub(super) fn documents(plugins: Vec<WasmPlugin>) -> Result<Vec<Node>, Faults> {
    let faults: Vec<Fault> = plugins.iter().flat_map(unsayable).collect();
    if !faults.is_empty() {
        return Err(Faults(faults));
    }
    let plugins = in_chain_order(plugins);
    let mut documents = Vec::new();
    let mut before: Option<i64> = None;
    for plugin in &plugins {
        // Equals stand in the order of the chain.
        let at = place_in_chain(plugin).max(before.map_or(i64::MIN, |before| before.saturating_add(1)));
        before = Some(at);
        // Whoever is inserted first of all last stands before the others.
        let priority = if before_istio(plugin) { at.saturating_neg() } else { at };
        documents.push(yaml::node(document(plugin, priority)));
    }
    Ok(documents)
}

/// A number that grows along the chain, and that is the same whatever else is rendered with it: a phase has a million,
/// and within it a high priority comes early.
fn place_in_chain(plugin: &WasmPlugin) -> i64 {
    let phase: i64 = match plugin.spec.phase {
        Phase::Authn => 1,
        Phase::Authz => 2,
        Phase::Stats => 3,
        Phase::Unspecified => 4,
    };
    let farthest = PHASE.saturating_div(2).saturating_sub(STEP);
    let behind = match plugin.spec.priority {
        Some(priority) => i64::from(priority)
            .saturating_mul(STEP)
            .saturating_neg()
            .clamp(farthest.saturating_neg(), farthest),
        None => farthest,
    };
    phase.saturating_mul(PHASE).saturating_add(behind)
}

fn before_istio(plugin: &WasmPlugin) -> bool {
    matches!(plugin.spec.phase, Phase::Authn | Phase::Authz)
}

/// What is another place than the WasmPlugin's.
pub(super) fn displaced(plugin: &WasmPlugin) -> Option<String> {
    let message = "phase AUTHZ stands behind Istio's authentication, and as an EnvoyFilter it stands before: what \
                   RequestAuthentication finds out is not known to it";
    (plugin.spec.phase == Phase::Authz).then(|| plugin.fault("spec.phase", message).to_string())
}

/// What would be lost without a word.
fn unsayable(plugin: &WasmPlugin) -> Vec<Fault> {
    let spec = &plugin.spec;
    let mut faults = Vec::new();
    let mut fault = |path: &str, message: &str| faults.push(plugin.fault(path, message));
    if !spec.target_refs.is_empty() {
        fault(
            "spec.targetRefs",
            "an EnvoyFilter is rendered for workloads by label only; use selector, or keep the WasmPlugin",
        );
    }
    if spec.image_pull_secret.is_some() {
        fault(
            &plugin.module_path("imagePullSecret"),
            "an EnvoyFilter cannot name a Secret; give istio-proxy the credentials (DOCKER_CONFIG) and leave this out",
        );
    }
    if spec.plugin_type == PluginType::Network {
        fault(&plugin.module_path("type"), "only HTTP plugins are rendered as an EnvoyFilter");
    }
    faults
}

fn document(plugin: &WasmPlugin, priority: i64) -> Value {
    // Not the name of the WasmPlugin's own resource: while one replaces the other, both may be there.
    let name = format!("tollgate.{}", plugin.full_name());
    let mut config = delivered(plugin, translated(plugin, Path::new("")).config);
    if let Some(own) = config.pointer_mut("/config/name") {
        *own = json!(name);
    }
    let mut patches = vec![json!({
        "applyTo": "EXTENSION_CONFIG",
        "patch": {"operation": "ADD", "value": {"name": name, "typed_config": config}},
    })];
    let source = json!({"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"});
    let filter =
        json!({"name": name, "config_discovery": {"config_source": source, "type_urls": [WASM, RBAC]}});
    let operation = if before_istio(plugin) { "INSERT_FIRST" } else { "INSERT_BEFORE" };
    for place in places(plugin) {
        let patch = json!({"operation": operation, "value": filter});
        patches.push(json!({"applyTo": "HTTP_FILTER", "match": place, "patch": patch}));
    }
    let mut spec = Map::new();
    if let Some(labels) = plugin.spec.selector.as_ref().filter(|labels| !labels.is_empty()) {
        let labels: Map<String, Value> =
            labels.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        spec.insert("workloadSelector".to_owned(), json!({"labels": labels}));
    }
    spec.insert("priority".to_owned(), json!(priority));
    spec.insert("configPatches".to_owned(), Value::Array(patches));
    json!({
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"name": plugin.metadata.name, "namespace": plugin.metadata.namespace},
        "spec": spec,
    })
}

/// The configuration as istiod would send it to istio-agent, which fetches the module.
fn delivered(plugin: &WasmPlugin, mut config: Value) -> Value {
    let url = &plugin.spec.url;
    let code = match url.strip_prefix("file://") {
        Some(path) => json!({"local": {"filename": path}}),
        None => {
            let uri = if url.contains("://") { url.clone() } else { format!("oci://{url}") };
            // The cluster is never called: the agent fetches, and puts a file in this place.
            let http = json!({"uri": uri, "timeout": "30s", "cluster": "_"});
            json!({"remote": {"http_uri": http, "sha256": plugin.spec.sha256.as_deref().unwrap_or_default()}})
        }
    };
    let policy = match plugin.spec.image_pull_policy {
        PullPolicy::Unspecified => None,
        PullPolicy::IfNotPresent => Some("IfNotPresent"),
        PullPolicy::Always => Some("Always"),
    };
    if let Some(vm) = config.pointer_mut("/config/vm_config").and_then(Value::as_object_mut) {
        vm.insert("code".to_owned(), code);
        let variables = vm.entry("environment_variables").or_insert_with(|| json!({}));
        if let (Some(policy), Some(variables)) = (policy, variables.as_object_mut()) {
            let values = variables.entry("key_values").or_insert_with(|| json!({}));
            if let Some(values) = values.as_object_mut() {
                values.insert("ISTIO_META_WASM_IMAGE_PULL_POLICY".to_owned(), json!(policy));
            }
        }
        if vm.get("environment_variables") == Some(&json!({})) {
            vm.remove("environment_variables");
        }
    }
    config
}

/// The chains that `match` means: none for all of them.
fn places(plugin: &WasmPlugin) -> Vec<Value> {
    let everything = [TrafficMatch { mode: Mode::ClientAndServer, ports: Vec::new() }];
    let matches = if plugin.spec.matches.is_empty() { everything.as_slice() } else { &plugin.spec.matches };
    let mut places = Vec::new();
    for one in matches {
        let ports: Vec<Option<u16>> =
            if one.ports.is_empty() { vec![None] } else { one.ports.iter().copied().map(Some).collect() };
        for port in ports {
            let contexts: &[&str] = match (one.mode, port) {
                (Mode::ClientAndServer, None) => &["ANY"],
                (Mode::ClientAndServer, Some(_)) => &["SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY"],
                (Mode::Server, _) => &["SIDECAR_INBOUND"],
                (Mode::Client, _) => &["SIDECAR_OUTBOUND", "GATEWAY"],
            };
            places.extend(contexts.iter().map(|context| place(plugin, context, port)));
        }
    }
    // Two entries that mean one chain would put the filter there twice.
    let mut each: Vec<Value> = Vec::new();
    for place in places {
        if !each.contains(&place) {
            each.push(place);
        }
    }
    each
}

fn place(plugin: &WasmPlugin, context: &str, port: Option<u16>) -> Value {
    let mut filter = json!({"name": MANAGER});
    if let (false, Some(fields)) = (before_istio(plugin), filter.as_object_mut()) {
        fields.insert("subFilter".to_owned(), json!({"name": ROUTER}));
    }
    let mut chain = Map::new();
    chain.insert("filter".to_owned(), filter);
    let mut listener = Map::new();
    match port {
        // Inbound traffic all comes to one listener, with a chain for each port of the workload.
        Some(port) if context == "SIDECAR_INBOUND" => {
            chain.insert("destinationPort".to_owned(), json!(port));
        }
        Some(port) => {
            listener.insert("portNumber".to_owned(), json!(port));
        }
        None => {}
    }
    listener.insert("filterChain".to_owned(), Value::Object(chain));
    json!({"context": context, "listener": listener})
}
