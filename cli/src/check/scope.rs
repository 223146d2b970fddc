//! What a plugin is aimed at, and whether it can ever run there.

use super::Context;
use super::plugin::AUTHENTICATORS;
use crate::fault::{Code, Fault};
use crate::manifest::yaml::Node;
use crate::manifest::{GATEWAY_API, Labels, Mode, TargetRef, WAYPOINT_CLASS, WasmPlugin};
use crate::module::stem;

/// What kind of proxy a plugin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sidecar,
    Gateway,
    Waypoint,
}

/// The same, and how that is known.
#[derive(Debug)]
struct Aim {
    kind: Kind,
    /// What it was guessed by, when no object says so.
    guess: Option<String>,
}

impl Aim {
    fn sure(kind: Kind) -> Self {
        Self { kind, guess: None }
    }

    /// The finding that it can never run there, as sure as the aim is.
    fn never_runs(&self, plugin: &WasmPlugin, path: &str, message: &str) -> Fault {
        match &self.guess {
            None => plugin.fault(path, message).coded(Code::NeverRuns),
            Some(guess) => plugin.fault(path, format!("{message} ({guess})")).coded(Code::NeverRunsGuess),
        }
    }
}

/// What Istio's charts call their gateways.
const CHARTS: [&str; 3] = ["ingressgateway", "egressgateway", "eastwestgateway"];

/// The label of pods that the Gateway API deploys.
const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";

pub(super) fn check(plugin: &WasmPlugin, context: &Context<'_>) -> Vec<Fault> {
    let mut found: Vec<Fault> = selection(plugin, context).into_iter().collect();
    found.extend(targets(plugin, context));
    // The wrong kind of Gateway has been complained about, and tells nothing of the proxy.
    if plugin.spec.target_refs.iter().any(|target| target.kind == "Gateway" && target.group != GATEWAY_API) {
        return found;
    }
    let aim = match (&plugin.spec.selector, plugin.spec.target_refs.first()) {
        (_, Some(target)) => of_target(plugin, target, context),
        (Some(labels), None) => of_labels(plugin, labels, context),
        (None, None) => Aim::sure(Kind::Sidecar),
    };
    if plugin.spec.target_refs.is_empty() && aim.kind == Kind::Waypoint {
        let message = "waypoints ignore selector; use targetRefs (the waypoint's Gateway, or a Service)";
        found.push(aim.never_runs(plugin, "spec.selector", message));
    }
    if aim.kind == Kind::Sidecar {
        found.extend(both_directions(plugin));
        found.extend(guard_outbound(plugin));
    }
    found.extend(matches(plugin, &aim));
    found
}

fn guard_outbound(plugin: &WasmPlugin) -> Option<Fault> {
    // Without labels it may be for the gateways of its namespace, which count as CLIENT.
    let selected = plugin.spec.selector.as_ref().is_some_and(|labels| !labels.is_empty());
    let matches = &plugin.spec.matches;
    let outbound = !matches.is_empty() && matches.iter().all(|one| one.mode == Mode::Client);
    let message =
        "sees only the calls that the selected workload makes, and lets everyone in; SERVER is inbound";
    (selected && outbound && AUTHENTICATORS.contains(&stem(&plugin.spec.url)))
        .then(|| plugin.fault("spec.match[0].mode", message).coded(Code::GuardOutbound))
}

/// Who means both directions can say so.
fn both_directions(plugin: &WasmPlugin) -> Option<Fault> {
    let written = plugin.document.get("spec").and_then(|spec| spec.get("match")).map(Node::items);
    let silent = |one: &Node| one.get("mode").and_then(Node::text).is_none_or(|mode| mode == "UNDEFINED");
    let (path, remedy) = match written.unwrap_or_default().iter().position(silent) {
        Some(index) => (format!("spec.match[{index}].mode"), "write mode: SERVER"),
        None if plugin.spec.matches.is_empty() => ("spec.match".to_owned(), "add match: [{mode: SERVER}]"),
        None => return None,
    };
    let message = format!("also runs on outbound calls of the selected workload; {remedy} for inbound only");
    Some(plugin.fault(&path, message).coded(Code::BothDirections))
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

/// By the Gateway itself where it is among the manifests, else by its name; `waypoint` is what istioctl calls one.
fn gateway(plugin: &WasmPlugin, name: &str, context: &Context<'_>) -> Aim {
    let mut gateways = context.manifests.gateways.iter();
    let known =
        gateways.find(|gateway| gateway.name == name && gateway.namespace == plugin.metadata.namespace);
    let waypoint = known.map_or(name.contains("waypoint"), |gateway| gateway.waypoint);
    let kind = if waypoint { Kind::Waypoint } else { Kind::Gateway };
    let is_sure = known.is_some() || name == "waypoint";
    let word = if waypoint { "a waypoint" } else { "no waypoint" };
    let guess =
        || format!("the Gateway {name} is not among these manifests and taken for {word} by its name");
    Aim { kind, guess: (!is_sure).then(guess) }
}

fn of_target(plugin: &WasmPlugin, target: &TargetRef, context: &Context<'_>) -> Aim {
    if target.kind == "Gateway" { gateway(plugin, &target.name, context) } else { Aim::sure(Kind::Waypoint) }
}

/// By the labels of Istio's own charts. Others call theirs by the same pattern; `app: api-gateway` may be anybody's.
fn of_chart(key: &str, value: &str) -> Option<Aim> {
    let name = match key {
        "istio" => value,
        "app" => value.strip_prefix("istio-")?,
        _ => return None,
    };
    let guess = || format!("the label {key}: {value} is taken for a gateway's");
    let is_sure = CHARTS.contains(&name);
    name.contains("gateway").then(|| Aim { kind: Kind::Gateway, guess: (!is_sure).then(guess) })
}

fn of_labels(plugin: &WasmPlugin, labels: &Labels, context: &Context<'_>) -> Aim {
    for (key, value) in labels {
        let aim = match key.as_str() {
            GATEWAY_NAME => gateway(plugin, value, context),
            "gateway.istio.io/managed" if value == "istio.io-mesh-controller" => Aim::sure(Kind::Waypoint),
            _ => match of_chart(key, value) {
                Some(aim) => aim,
                None => continue,
            },
        };
        return aim;
    }
    Aim::sure(Kind::Sidecar)
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

fn matches(plugin: &WasmPlugin, aim: &Aim) -> Vec<Fault> {
    let mut found = Vec::new();
    for (index, one) in plugin.spec.matches.iter().enumerate() {
        let path = |field: &str| format!("spec.match[{index}].{field}");
        let message = match (aim.kind, one.mode) {
            (Kind::Gateway, Mode::Server) => {
                Some("gateways count as CLIENT; this plugin will never run there")
            }
            (Kind::Waypoint, Mode::Client) => {
                Some("waypoints count as SERVER; this plugin will never run there")
            }
            _ => None,
        };
        found.extend(message.map(|message| aim.never_runs(plugin, &path("mode"), message)));
        if aim.kind == Kind::Waypoint && !one.ports.is_empty() {
            let message = "waypoint HTTP chains carry no port; any ports entry disables the plugin";
            found.push(aim.never_runs(plugin, &path("ports"), message));
        }
        let classic = aim.kind == Kind::Gateway && plugin.spec.target_refs.is_empty();
        for port in one.ports.iter().filter(|port| classic && matches!(**port, 80 | 443)) {
            let bound = if *port == 80 { 8080 } else { 8443 };
            let message = format!(
                "ports are compared with {bound}, the port bound in the pod; service port {port} will not match"
            );
            found.push(plugin.fault(&path("ports"), message).coded(Code::ServicePort));
        }
    }
    found
}
