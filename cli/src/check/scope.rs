//! What a plugin is aimed at, and whether it can ever run there.

use super::Context;
use crate::fault::{Code, Fault};
use crate::manifest::{Labels, Mode, TargetRef, WAYPOINT_CLASS, WasmPlugin};

/// What kind of proxy a plugin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aim {
    Sidecar,
    Gateway,
    Waypoint,
}

/// The label of pods that the Gateway API deploys.
const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";

pub(super) fn check(plugin: &WasmPlugin, context: &Context<'_>) -> Vec<Fault> {
    let mut found: Vec<Fault> = selection(plugin, context).into_iter().collect();
    let aim = match (&plugin.spec.selector, plugin.spec.target_refs.first()) {
        (_, Some(target)) => of_target(plugin, target, context),
        (Some(labels), None) => of_labels(plugin, labels, context),
        (None, None) => Aim::Sidecar,
    };
    if plugin.spec.target_refs.is_empty() && aim == Aim::Waypoint {
        let message = "waypoints ignore selector; use targetRefs (the waypoint's Gateway, or a Service)";
        found.push(plugin.fault("spec.selector", message).coded(Code::NeverRuns));
    }
    found.extend(targets(plugin, context));
    if aim == Aim::Sidecar && plugin.spec.matches.is_empty() {
        let message = "also runs on outbound calls of the selected workload; add match: [{mode: SERVER}] for inbound only";
        found.push(plugin.fault("spec.match", message).coded(Code::BothDirections));
    }
    found.extend(matches(plugin, aim));
    found
}

fn selection(plugin: &WasmPlugin, context: &Context<'_>) -> Option<Fault> {
    let root = plugin.metadata.namespace == context.args.root_namespace;
    let unselected = plugin.spec.selector.as_ref().is_none_or(Vec::is_empty);
    if root && unselected && plugin.spec.target_refs.is_empty() {
        let message = "stands in the root namespace and selects nothing: applies to every sidecar and gateway of the mesh";
        return Some(plugin.fault("spec", message).coded(Code::WholeMesh));
    }
    let empty = plugin.spec.selector.as_ref().is_some_and(Vec::is_empty);
    let message = "empty selector selects every workload of the namespace";
    empty.then(|| plugin.fault("spec.selector", message).coded(Code::EmptySelector))
}

/// By the Gateway itself where it is among the manifests, else by its name.
fn gateway(plugin: &WasmPlugin, name: &str, context: &Context<'_>) -> Aim {
    let mut gateways = context.manifests.gateways.iter();
    let known =
        gateways.find(|gateway| gateway.name == name && gateway.namespace == plugin.metadata.namespace);
    let waypoint = known.map_or(name.contains("waypoint"), |gateway| gateway.waypoint);
    if waypoint { Aim::Waypoint } else { Aim::Gateway }
}

fn of_target(plugin: &WasmPlugin, target: &TargetRef, context: &Context<'_>) -> Aim {
    if target.kind == "Gateway" { gateway(plugin, &target.name, context) } else { Aim::Waypoint }
}

fn of_labels(plugin: &WasmPlugin, labels: &Labels, context: &Context<'_>) -> Aim {
    for (key, value) in labels {
        let aim = match key.as_str() {
            GATEWAY_NAME => gateway(plugin, value, context),
            "gateway.istio.io/managed" if value == "istio.io-mesh-controller" => Aim::Waypoint,
            // The labels of Istio's own charts.
            "istio" if value.contains("gateway") => Aim::Gateway,
            "app" if value.starts_with("istio-") && value.contains("gateway") => Aim::Gateway,
            _ => continue,
        };
        return aim;
    }
    Aim::Sidecar
}

fn targets(plugin: &WasmPlugin, context: &Context<'_>) -> Vec<Fault> {
    let mut found = Vec::new();
    let root = &context.args.root_namespace;
    for (index, target) in plugin.spec.target_refs.iter().enumerate() {
        let good = target.name == WAYPOINT_CLASS && plugin.metadata.namespace == *root;
        if target.kind == "GatewayClass" && !good {
            let message = format!(
                "GatewayClass targets work only for istio-waypoint and from the root namespace ({root})"
            );
            found.push(plugin.fault(&target_path(plugin, index), message).coded(Code::Target));
        }
    }
    found
}

fn target_path(plugin: &WasmPlugin, index: usize) -> String {
    let list = plugin.document.get("spec").is_some_and(|spec| spec.get("targetRefs").is_some());
    if list { format!("spec.targetRefs[{index}]") } else { "spec.targetRef".to_owned() }
}

fn matches(plugin: &WasmPlugin, aim: Aim) -> Vec<Fault> {
    let mut found = Vec::new();
    for (index, one) in plugin.spec.matches.iter().enumerate() {
        let mut say = |code: Code, field: &str, message: String| {
            found.push(plugin.fault(&format!("spec.match[{index}].{field}"), message).coded(code));
        };
        match (aim, one.mode) {
            (Aim::Gateway, Mode::Server) => {
                let message = "gateways count as CLIENT; this plugin will never run there";
                say(Code::NeverRuns, "mode", message.to_owned());
            }
            (Aim::Waypoint, Mode::Client) => {
                let message = "waypoints count as SERVER; this plugin will never run there";
                say(Code::NeverRuns, "mode", message.to_owned());
            }
            _ => {}
        }
        if aim == Aim::Waypoint && !one.ports.is_empty() {
            let message = "waypoint HTTP chains carry no port; any ports entry disables the plugin";
            say(Code::NeverRuns, "ports", message.to_owned());
        }
        let classic = aim == Aim::Gateway && plugin.spec.target_refs.is_empty();
        for port in one.ports.iter().filter(|port| classic && matches!(**port, 80 | 443)) {
            let bound = if *port == 80 { 8080 } else { 8443 };
            let message = format!(
                "ports are compared with {bound}, the port bound in the pod; service port {port} will not match"
            );
            say(Code::ServicePort, "ports", message);
        }
    }
    found
}
