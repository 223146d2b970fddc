//! What can be said of one plugin's own fields: its place in the chain, its failures, its environment.

use super::{Context, IstioVersion, module_field};
use crate::fault::{Code, Fault};
use crate::manifest::{FailStrategy, Kind, Phase, PluginType, WasmPlugin};
use crate::module::stem;

/// Filters that decide whether a request may pass.
const GUARDS: [&str; 3] = ["auth-filter", "edge-filter", "ratelimit-filter"];
/// Those of them that have to know the caller before Istio's own authorization does.
pub(super) const AUTHENTICATORS: [&str; 2] = ["auth-filter", "edge-filter"];
/// The prefix of what istiod tells istio-agent.
const AGENT_PREFIX: &str = "ISTIO_META_";

pub(super) fn check(plugin: &WasmPlugin, context: &Context<'_>) -> Vec<Fault> {
    let mut found = place(plugin);
    found.extend(failure(plugin));
    found.extend(versions(plugin, context.args.istio_version));
    for (index, variable) in plugin.spec.env.iter().enumerate() {
        if variable.name.starts_with(AGENT_PREFIX) {
            let path = plugin.module_path(&format!("vmConfig.env[{index}].name"));
            let message =
                "names with prefix ISTIO_META_ are removed by istio-agent and never reach the plugin";
            found.push(plugin.fault(&path, message).coded(Code::Environment));
        }
    }
    // Where the module is at hand, its own exports say so.
    if plugin.spec.plugin_type == PluginType::Network && is_ours(plugin) && context.modules.is_none() {
        let message = "Tollgate's modules are HTTP filters; use type HTTP, or leave it out";
        found.push(plugin.fault(&plugin.module_path("type"), message).coded(Code::ModuleType));
    }
    if let (Some(_), true) = (&plugin.spec.plugin_name, is_ours(plugin)) {
        let message = "Tollgate's modules have one root; pluginName is not needed";
        found.push(plugin.fault(&plugin.module_path("pluginName"), message).coded(Code::PluginName));
    }
    found
}

fn is_ours(plugin: &WasmPlugin) -> bool {
    GUARDS.contains(&stem(&plugin.spec.url)) || stem(&plugin.spec.url) == "header-filter"
}

/// Whether the manifest has the field, rightly written or not.
fn says(plugin: &WasmPlugin, field: &str) -> bool {
    plugin.document.get("spec").and_then(|spec| spec.get(field)).is_some()
}

fn place(plugin: &WasmPlugin) -> Vec<Fault> {
    let mut found = Vec::new();
    let late = "the filter runs after AuthorizationPolicy; set AUTHN or AUTHZ";
    let authenticates = AUTHENTICATORS.contains(&stem(&plugin.spec.url));
    let message = match (says(plugin, "phase"), plugin.spec.phase) {
        (false, _) if authenticates => Some(format!("no phase: {late}")),
        (false, _) => {
            Some("no phase: the filter runs after Istio's own; write which one is meant".to_owned())
        }
        (true, Phase::Stats | Phase::Unspecified) if authenticates => Some(late.to_owned()),
        _ => None,
    };
    found.extend(message.map(|message| plugin.fault("spec.phase", message).coded(Code::PhaseUnset)));
    if !says(plugin, "priority") {
        let message = "unset priority sorts last, even after negative values; give a number";
        found.push(plugin.fault("spec.priority", message).coded(Code::PriorityUnset));
    }
    found
}

fn failure(plugin: &WasmPlugin) -> Option<Fault> {
    let path = plugin.module_path("failStrategy");
    if plugin.spec.fail_strategy == FailStrategy::Open && GUARDS.contains(&stem(&plugin.spec.url)) {
        let message = "FAIL_OPEN lets every request through if the module cannot be fetched or crashes";
        return Some(plugin.fault(&path, message).coded(Code::FailOpen));
    }
    let message = "the default, FAIL_CLOSE, answers 503 after a crash until the next change of configuration; \
                   FAIL_RELOAD loads the module again";
    module_field(plugin, "failStrategy")
        .is_none()
        .then(|| plugin.fault(&path, message).coded(Code::FailStrategyUnset))
}

fn versions(plugin: &WasmPlugin, istio: IstioVersion) -> Vec<Fault> {
    let mut found = Vec::new();
    if plugin.spec.fail_strategy == FailStrategy::Reload && istio < IstioVersion(1, 27) {
        let path = plugin.module_path("failStrategy");
        found.push(plugin.fault(&path, "FAIL_RELOAD needs Istio 1.27").coded(Code::IstioVersion));
    }
    if plugin.kind == Kind::TrafficExtension && istio < IstioVersion(1, 30) {
        found.push(plugin.fault("kind", "TrafficExtension needs Istio 1.30").coded(Code::IstioVersion));
    }
    found
}
