//! Services outside the mesh: Istio's ServiceEntry, and what of a DestinationRule says how to call one.

mod destination;
mod entry;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub(super) use destination::read as destination;
pub(super) use entry::read as entry;

/// The versions of Istio's networking API; these kinds are the same in all of them.
const API_VERSIONS: [&str; 3] =
    ["networking.istio.io/v1", "networking.istio.io/v1beta1", "networking.istio.io/v1alpha3"];

/// `ServiceEntry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceEntry {
    /// `namespace.name`.
    pub full_name: String,
    /// The names under which it is called.
    pub hosts: Vec<String>,
    /// Its ports, at least one.
    pub ports: Vec<Port>,
    /// How its endpoints are found.
    pub resolution: Resolution,
    /// Where it is; empty when the hosts' names are to be resolved.
    pub endpoints: Vec<Endpoint>,
    /// Its own namespace.
    pub namespace: String,
    /// `exportTo`: the namespaces whose proxies know it; `*` for all, `.` for its own, none for all.
    pub export_to: Vec<String>,
}

impl ServiceEntry {
    /// Whether the proxies of a namespace know it.
    #[must_use]
    pub fn is_seen_from(&self, namespace: &str) -> bool {
        let to = |to: &String| to == "*" || to == namespace || (to == "." && self.namespace == namespace);
        self.export_to.is_empty() || self.export_to.iter().any(to)
    }

    /// Whether the proxies of all namespaces do.
    #[must_use]
    pub fn is_seen_everywhere(&self) -> bool {
        self.export_to.is_empty() || self.export_to.iter().any(|to| to == "*")
    }

    /// The host and the port of which Istio makes a cluster of this name.
    #[must_use]
    pub fn behind(&self, cluster: &str) -> Option<(&str, u16)> {
        let ports = self.ports.iter().filter(|_| self.resolution != Resolution::None);
        let mut all = ports.flat_map(|port| self.hosts.iter().map(|host| (host.as_str(), port.number)));
        all.find(|(host, port)| *cluster == crate::cluster::name(host, *port))
    }
}

/// One of `spec.ports`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// The number by which it is called.
    pub number: u16,
    /// The name by which endpoints refer to it.
    pub name: String,
    /// Whether it speaks HTTP/2 from the first byte: protocol `HTTP2` or `GRPC`.
    pub http2: bool,
    /// The endpoints' own port, where it is another.
    pub target: Option<u16>,
}

/// `spec.resolution`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// Wherever the request was going anyway: nothing that a plugin could call.
    None,
    /// The endpoints' addresses.
    Static,
    /// DNS.
    Dns,
    /// Workloads of the mesh, or a socket beside one: a cluster there, and nothing that could be called from outside.
    Mesh,
}

/// One of `spec.endpoints`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// An IP address; with [`Resolution::Dns`] a name, too.
    pub address: String,
    /// Its own ports, by the names of the service's.
    pub ports: Vec<(String, u16)>,
}

/// `DestinationRule`, as far as TLS goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestinationRule {
    /// `namespace.name`.
    pub full_name: String,
    /// The service's host.
    pub host: String,
    /// `trafficPolicy.tls`.
    pub tls: Option<TlsOrigination>,
    /// `trafficPolicy.portLevelSettings`, which take the place of the above for their port.
    pub ports: Vec<(u16, Option<TlsOrigination>)>,
}

/// `ClientTLSSettings`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsOrigination {
    /// Whether at all.
    pub mode: TlsMode,
    /// The server name to ask for; the request's host when not given.
    pub sni: Option<String>,
    /// The file with the authorities to trust; the system's when not given.
    pub ca_certificates: Option<PathBuf>,
    /// The names of which the certificate must have one.
    pub subject_alt_names: Vec<String>,
    /// Take any certificate.
    pub insecure_skip_verify: bool,
}

/// `mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// No TLS.
    Disable,
    /// TLS, without a certificate of our own.
    Simple,
    /// TLS with a certificate: one that the rule names, or the mesh's. Nothing that could be had outside of it.
    Mutual,
}
