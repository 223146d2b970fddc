//! What two plugins are to each other: their order, their VM, their name.

use super::Context;
use crate::fault::{Code, Fault};
use crate::manifest::{EnvVar, Labels, Mode, TrafficMatch, WasmPlugin};

pub(super) fn check(context: &Context<'_>) -> Vec<Fault> {
    let plugins: Vec<Known<'_>> = context.manifests.plugins.iter().map(Known::new).collect();
    let mut found = Vec::new();
    for (index, second) in plugins.iter().enumerate() {
        for first in plugins.iter().take(index) {
            found.extend(same_name(first, second));
            if meet(first.plugin, second.plugin, &context.args.root_namespace) {
                found.extend(same_priority(first.plugin, second.plugin));
                found.extend(same_vm(first, second));
            }
        }
    }
    found
}

/// A plugin, and what every comparison asks of it.
struct Known<'p> {
    plugin: &'p WasmPlugin,
    /// Its variables as Envoy gets them, in one order.
    environment: Vec<&'p EnvVar>,
}

impl<'p> Known<'p> {
    fn new(plugin: &'p WasmPlugin) -> Self {
        let of_agent = |variable: &&EnvVar| variable.name.starts_with("ISTIO_META_");
        let mut environment: Vec<_> = plugin.spec.env.iter().filter(|variable| !of_agent(variable)).collect();
        environment.sort_by(|a, b| a.name.cmp(&b.name));
        Self { plugin, environment }
    }
}

/// As a message names another plugin.
fn named(plugin: &WasmPlugin) -> String {
    format!("{} {}", plugin.kind.word(), plugin.full_name())
}

fn same_name(first: &Known<'_>, second: &Known<'_>) -> Option<Fault> {
    let (first, second) = (first.plugin, second.plugin);
    let (a, b) = (&first.metadata, &second.metadata);
    let same = (&a.namespace, &a.name) == (&b.namespace, &b.name);
    let message = || format!("{} has the same name and both apply: the filter runs twice", named(first));
    (first.kind != second.kind && same)
        .then(|| second.fault("metadata.name", message()).coded(Code::SameName))
}

fn same_priority(first: &WasmPlugin, second: &WasmPlugin) -> Option<Fault> {
    let priority = second.spec.priority?;
    let same = first.spec.phase == second.spec.phase && first.spec.priority == Some(priority);
    let message = || {
        let (first, second) = (first.full_name(), second.full_name());
        format!("order of {first} and {second} depends on creation time; give them different priorities")
    };
    (same && overlap(first, second))
        .then(|| second.fault("spec.priority", message()).coded(Code::PriorityEqual))
}

/// What tells one module from another: the image that is pinned, under whatever name, or the url.
fn code(plugin: &WasmPlugin) -> &str {
    let pinned = plugin.digest_in_url().or(plugin.spec.sha256.as_deref());
    pinned.filter(|_| plugin.is_image()).unwrap_or(&plugin.spec.url)
}

/// Envoy knows a VM by code, environment and runtime, and Istio gives it nothing else to tell them by. Only what is read
/// from a file has the object's version in its environment, too.
fn same_vm(first: &Known<'_>, second: &Known<'_>) -> Option<Fault> {
    let same_environment = first.environment == second.environment;
    let (first, second) = (first.plugin, second.plugin);
    let same = same_environment && !first.spec.url.starts_with("file://") && code(first) == code(second);
    let message = || {
        format!(
            "shares a VM with {}, and with it a crash: give each a variable of its own in vmConfig.env",
            first.full_name()
        )
    };
    let path = second.module_path("vmConfig.env");
    same.then(|| second.fault(&path, message()).coded(Code::SharedVm))
}

/// Whether some proxy has both.
fn meet(first: &WasmPlugin, second: &WasmPlugin, root: &str) -> bool {
    let spaces = [first, second].map(|plugin| plugin.metadata.namespace.as_str());
    if spaces[0] != spaces[1] && !spaces.contains(&root) {
        return false;
    }
    let (a, b) = (&first.spec.target_refs, &second.spec.target_refs);
    if a.is_empty() != b.is_empty() {
        // Plugins without targets are for sidecars and gateways, those with targets mostly for waypoints.
        return false;
    }
    if !a.is_empty() {
        return a.iter().any(|target| b.contains(target));
    }
    let empty = Vec::new();
    agree(first.spec.selector.as_ref().unwrap_or(&empty), second.spec.selector.as_ref().unwrap_or(&empty))
}

/// Whether one pod can have all these labels.
fn agree(first: &Labels, second: &Labels) -> bool {
    first.iter().all(|(key, value)| second.iter().all(|(other, wanted)| other != key || wanted == value))
}

/// Whether some request passes both.
fn overlap(first: &WasmPlugin, second: &WasmPlugin) -> bool {
    let (a, b) = (&first.spec.matches, &second.spec.matches);
    let fit = |x: &TrafficMatch, y: &TrafficMatch| {
        let directions = x.mode == y.mode || [x.mode, y.mode].contains(&Mode::ClientAndServer);
        let ports = x.ports.is_empty() || y.ports.is_empty() || x.ports.iter().any(|p| y.ports.contains(p));
        directions && ports
    };
    a.is_empty() || b.is_empty() || a.iter().any(|x| b.iter().any(|y| fit(x, y)))
}
