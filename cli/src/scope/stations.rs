//! What a request passes on its way: the plugins, and Istio's own filters between them.

use super::{ProxyKind, View};
use crate::manifest::{Phase, WasmPlugin};

/// One stop of a chain.
#[derive(Debug, Clone, PartialEq)]
pub enum Station<'p> {
    /// A plugin of ours to show.
    Plugin(&'p WasmPlugin),
    /// Filters of Istio's own, which only a mesh has.
    Istio(&'static str),
}

/// Filters of Istio's own, before, between and after the four groups of plugins.
type Between = [&'static str; 5];

const SIDECAR: Between = [
    "peer metadata, ext_authz of AuthorizationPolicy CUSTOM",
    "RequestAuthentication",
    "AuthorizationPolicy",
    "",
    "grpc stats, fault, cors, telemetry, router",
];
const WAYPOINT: Between = [
    "ext_authz of AuthorizationPolicy CUSTOM",
    "RequestAuthentication",
    "AuthorizationPolicy, grpc stats, fault, cors",
    "",
    "telemetry, router",
];

/// The chain of these plugins, which are in order. Without a proxy there is nothing of Istio's.
#[must_use]
pub fn stations<'p>(view: &View, plugins: &'p [WasmPlugin]) -> Vec<Station<'p>> {
    let between = match view {
        View::Everything { .. } => &[""; 5],
        View::Proxy(proxy) if matches!(proxy.kind, ProxyKind::Waypoint(_)) => &WAYPOINT,
        View::Proxy(_) => &SIDECAR,
    };
    let phases = [Phase::Authn, Phase::Authz, Phase::Stats, Phase::Unspecified].map(Some);
    let mut stations = Vec::new();
    for (own, phase) in between.iter().zip(phases.into_iter().chain([None])) {
        if !own.is_empty() {
            stations.push(Station::Istio(own));
        }
        let group = plugins.iter().filter(|plugin| Some(plugin.spec.phase) == phase);
        stations.extend(group.map(Station::Plugin));
    }
    stations
}
