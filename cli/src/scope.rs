//! Which plugins a proxy of the mesh gets, and why it does not get the others.
//!
//! The rules are istiod's (`TrafficExtensionsByListenerInfo` and `policyattachment.go`): the namespaces that are looked
//! at, then what a plugin is attached to, then its `match`.

mod args;
mod chain;
mod naming;
mod stations;
#[cfg(test)]
mod tests;

use std::fmt;

pub use args::{Args, As, DEFAULT_NAMESPACE, ROOT_NAMESPACE};
pub use chain::{Excluded, Selection, View};
pub use naming::Naming;
pub use stations::{Station, stations};

use crate::manifest::{GATEWAY_API, Labels, Mode, PluginType, TargetRef, WAYPOINT_CLASS, WasmPlugin};

/// A proxy, and one of its HTTP filter chains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// What it is.
    pub kind: ProxyKind,
    /// The namespace of its pod.
    pub namespace: String,
    /// The namespace whose objects concern the whole mesh.
    pub root_namespace: String,
    /// The labels of its pod.
    pub labels: Labels,
    /// The port that `match[].ports` is compared with: on a sidecar inbound the container's, outbound the service's, on a
    /// gateway the one that is bound in the pod. `None` when it is not known, which every port fits.
    pub port: Option<u16>,
    /// What a waypoint serves.
    pub services: Vec<ServiceName>,
}

/// What a proxy is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyKind {
    /// Requests that come to a workload.
    SidecarInbound,
    /// Requests that a workload makes.
    SidecarOutbound,
    /// An Istio gateway, configured by `networking.istio.io` objects.
    Gateway,
    /// A gateway that the Gateway of this name stands for (`gateway.networking.k8s.io`).
    GatewayApiGateway(String),
    /// The waypoint that the Gateway of this name stands for.
    Waypoint(String),
}

/// A Service or a ServiceEntry.
#[derive(Debug, Clone, PartialEq, Eq, policy_core::config::Wire)]
#[serde(try_from = "String")]
pub struct ServiceName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Whether a proxy gets a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// It does.
    Applies,
    /// It does not.
    Excluded(Reason),
}

/// Why a proxy does not get a plugin; shown as a sentence about "it", the plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A network filter.
    Network,
    /// Its namespace is not looked at. The ones that are.
    Namespace(Vec<String>),
    /// The first label of its selector that the pod does not have.
    Label(String, String),
    /// `targetRefs`, on a sidecar or an Istio gateway.
    TargetsNeverApply,
    /// Neither `targetRefs` nor anything else that a waypoint looks at.
    WaypointNeedsTarget,
    /// `targetRefs` that name something else.
    OtherTarget,
    /// No entry of `match` has this direction: what the proxy counts as.
    Direction(Mode),
    /// Entries of `match` that fit have ports, and none is this one.
    Port(u16),
    /// On a waypoint no port is compared, and so none fits.
    WaypointPort,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network => write!(f, "it is a network filter, and this is a chain of HTTP filters"),
            Self::Namespace(looked_at) => {
                write!(f, "its namespace is none that this proxy looks at ({})", looked_at.join(", "))
            }
            Self::Label(name, value) => write!(f, "its selector wants the label {name}={value}"),
            Self::TargetsNeverApply => {
                write!(
                    f,
                    "targetRefs concern waypoints and Gateway API gateways only; use selector.matchLabels"
                )
            }
            Self::WaypointNeedsTarget => {
                write!(f, "a waypoint takes only what targetRefs attach to it or to its services")
            }
            Self::OtherTarget => write!(f, "its targetRefs name something else"),
            Self::Direction(Mode::Server) => write!(f, "no entry of its match is for SERVER, which this is"),
            Self::Direction(_) => write!(f, "no entry of its match is for CLIENT, which this is"),
            Self::Port(port) => write!(f, "its match does not name the port {port}"),
            Self::WaypointPort => {
                write!(f, "its match names ports, and on a waypoint there is none to compare them with")
            }
        }
    }
}

/// Whether this proxy gets this plugin.
#[must_use]
pub fn scope(plugin: &WasmPlugin, proxy: &Proxy) -> Scope {
    let reason = if plugin.spec.plugin_type == PluginType::Network {
        Some(Reason::Network)
    } else {
        proxy
            .refuses_namespace(plugin)
            .or_else(|| proxy.is_not_attached(plugin))
            .or_else(|| proxy.no_match(plugin))
    };
    reason.map_or(Scope::Applies, Scope::Excluded)
}

impl Proxy {
    /// The namespaces that are looked at, in the order in which their plugins come.
    #[must_use]
    pub fn namespaces(&self) -> Vec<&str> {
        let mut namespaces = vec![self.namespace.as_str(), self.root_namespace.as_str()];
        if matches!(self.kind, ProxyKind::Waypoint(_)) {
            namespaces.extend(self.services.iter().map(|service| service.namespace.as_str()));
        }
        let mut once: Vec<&str> = Vec::new();
        for namespace in namespaces {
            if !once.contains(&namespace) {
                once.push(namespace);
            }
        }
        once
    }

    /// What `match[].mode` is compared with.
    fn direction(&self) -> Mode {
        match self.kind {
            ProxyKind::SidecarInbound | ProxyKind::Waypoint(_) => Mode::Server,
            ProxyKind::SidecarOutbound | ProxyKind::Gateway | ProxyKind::GatewayApiGateway(_) => Mode::Client,
        }
    }

    fn refuses_namespace(&self, plugin: &WasmPlugin) -> Option<Reason> {
        let namespaces = self.namespaces();
        let looked_at = namespaces.contains(&plugin.metadata.namespace.as_str());
        (!looked_at).then(|| Reason::Namespace(namespaces.into_iter().map(str::to_owned).collect()))
    }

    fn is_not_attached(&self, plugin: &WasmPlugin) -> Option<Reason> {
        let targets = &plugin.spec.target_refs;
        let attached = || targets.iter().any(|target| self.is_target(target, &plugin.metadata.namespace));
        match (&self.kind, targets.is_empty()) {
            (ProxyKind::Waypoint(_), true) => Some(Reason::WaypointNeedsTarget),
            (ProxyKind::Waypoint(_) | ProxyKind::GatewayApiGateway(_), false) => {
                (!attached()).then_some(Reason::OtherTarget)
            }
            (_, false) => Some(Reason::TargetsNeverApply),
            (_, true) => self.missing_label(plugin.spec.selector.as_deref().unwrap_or_default()),
        }
    }

    fn missing_label(&self, wanted: &[(String, String)]) -> Option<Reason> {
        let missing = wanted.iter().find(|label| !self.labels.contains(label));
        missing.map(|(name, value)| Reason::Label(name.clone(), value.clone()))
    }

    /// References stay within a namespace: that of the plugin is the target's.
    fn is_target(&self, target: &TargetRef, namespace: &str) -> bool {
        let group = if target.group == "core" { "" } else { target.group.as_str() };
        match (&self.kind, group, target.kind.as_str()) {
            (ProxyKind::Waypoint(name) | ProxyKind::GatewayApiGateway(name), GATEWAY_API, "Gateway") => {
                target.name == *name && namespace == self.namespace
            }
            (ProxyKind::Waypoint(_), GATEWAY_API, "GatewayClass") => {
                target.name == WAYPOINT_CLASS && namespace == self.root_namespace
            }
            (ProxyKind::Waypoint(_), "", "Service")
            | (ProxyKind::Waypoint(_), "networking.istio.io", "ServiceEntry") => self
                .services
                .iter()
                .any(|service| service.name == target.name && service.namespace == namespace),
            _ => false,
        }
    }

    fn no_match(&self, plugin: &WasmPlugin) -> Option<Reason> {
        let matches = &plugin.spec.matches;
        if matches.is_empty() {
            return None;
        }
        let direction = self.direction();
        let has_direction = |mode: Mode| mode == Mode::ClientAndServer || mode == direction;
        let open: Vec<&[u16]> = matches
            .iter()
            .filter(|entry| has_direction(entry.mode))
            .map(|entry| entry.ports.as_slice())
            .collect();
        if open.is_empty() {
            return Some(Reason::Direction(direction));
        }
        let waypoint = matches!(self.kind, ProxyKind::Waypoint(_));
        let fits = |ports: &[u16]| {
            ports.is_empty() || !waypoint && self.port.is_none_or(|port| ports.contains(&port))
        };
        if open.into_iter().any(fits) {
            return None;
        }
        Some(self.port.filter(|_| !waypoint).map_or(Reason::WaypointPort, Reason::Port))
    }
}
