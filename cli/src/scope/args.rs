//! The options that say for which proxy plugins are chosen.

use super::{GATEWAY_API, Naming, Proxy, ProxyKind, ServiceName, View};

/// The namespace of what names none, as with kubectl.
pub const DEFAULT_NAMESPACE: &str = "default";
/// Istio's own, unless the mesh was installed otherwise.
pub const ROOT_NAMESPACE: &str = "istio-system";

/// Which proxy the manifests are looked at for.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Only the plugins that such a proxy gets, in its order; else all of them.
    #[arg(long = "as", value_name = "PROXY", value_enum)]
    pub proxy: Option<As>,

    /// The proxy's namespace; `default` with --as.
    #[arg(long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,

    /// The labels of the proxy's pod. A gateway of the Gateway API has gateway.networking.k8s.io/gateway-name=NAME.
    #[arg(long, value_name = "NAME=VALUE", value_delimiter = ',', value_parser = label)]
    pub labels: Vec<(String, String)>,

    /// The port that match[].ports is compared with: the container's (inbound), the service's (outbound), or the one that a
    /// gateway binds in its pod.
    #[arg(long, value_name = "PORT", requires = "proxy", value_parser = clap::value_parser!(u16).range(1..))]
    pub listener_port: Option<u16>,

    /// The Services and ServiceEntries that a waypoint serves.
    #[arg(long, value_name = "NAMESPACE/NAME", value_delimiter = ',', requires = "proxy", value_parser = service)]
    pub services: Vec<ServiceName>,

    /// The namespace whose objects concern the whole mesh.
    #[arg(long, value_name = "NAMESPACE", default_value = ROOT_NAMESPACE)]
    pub root_namespace: String,

    /// The names that Envoy sees: those of Istio 1.30 and later, or of 1.26 to 1.29.
    #[arg(long, value_name = "VERSION", value_enum, default_value = "current")]
    pub istio_naming: Naming,
}

/// The proxies and chains there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, policy_core::config::Wire)]
#[serde(rename_all = "kebab-case")]
pub enum As {
    /// Requests that come to a workload with a sidecar.
    SidecarInbound,
    /// Requests that such a workload makes.
    SidecarOutbound,
    /// A gateway: Istio's own, or the Gateway API's when --labels has its name.
    Gateway,
    /// A waypoint, named `waypoint` unless --labels says otherwise.
    Waypoint,
}

impl As {
    /// The kind of proxy that a pod with these labels is.
    #[must_use]
    pub fn kind(self, labels: &[(String, String)]) -> ProxyKind {
        let label = format!("{GATEWAY_API}/gateway-name");
        let gateway = labels.iter().find(|(name, _)| *name == label).map(|(_, gateway)| gateway.clone());
        match self {
            Self::SidecarInbound => ProxyKind::SidecarInbound,
            Self::SidecarOutbound => ProxyKind::SidecarOutbound,
            Self::Gateway => gateway.map_or(ProxyKind::Gateway, ProxyKind::GatewayApiGateway),
            Self::Waypoint => ProxyKind::Waypoint(gateway.unwrap_or_else(|| "waypoint".to_owned())),
        }
    }
}

impl Args {
    /// The view that these options describe.
    #[must_use]
    pub fn view(&self) -> View {
        let Some(proxy) = self.proxy else {
            let (namespace, root_namespace) = (self.namespace.clone(), self.root_namespace.clone());
            return View::Everything { namespace, root_namespace };
        };
        View::Proxy(Proxy {
            kind: proxy.kind(&self.labels),
            namespace: self.namespace.clone().unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
            root_namespace: self.root_namespace.clone(),
            labels: self.labels.clone(),
            port: self.listener_port,
            services: self.services.clone(),
        })
    }
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a label is written NAME=VALUE".to_owned()),
    }
}

pub(super) fn service(text: &str) -> Result<ServiceName, String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => {
            Ok(ServiceName { namespace: namespace.to_owned(), name: name.to_owned() })
        }
        _ => Err("a service is written NAMESPACE/NAME".to_owned()),
    }
}

impl TryFrom<String> for ServiceName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        service(&text)
    }
}
