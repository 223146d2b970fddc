//! Istio's WasmPlugin and TrafficExtension, `extensions.istio.io/v1alpha1`, as types that cannot hold what Istio would
//! refuse. Since 1.30 Istio itself turns every WasmPlugin into a TrafficExtension: they differ in spelling only.

mod environment;
mod module;
mod read;
mod scope;
mod spec;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub(super) use read::{Extension, read};

use super::yaml::Node;
use crate::fault::{Code, Fault};

/// As what a plugin was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `WasmPlugin`: what concerns the module stands in `spec`.
    WasmPlugin,
    /// `TrafficExtension`, Istio 1.30 and later: what concerns the module stands in `spec.wasm`.
    TrafficExtension,
}

impl Kind {
    /// The word in `kind`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::WasmPlugin => "WasmPlugin",
            Self::TrafficExtension => "TrafficExtension",
        }
    }
}

/// One WasmPlugin or TrafficExtension, and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct WasmPlugin {
    /// The file it stands in.
    pub file: PathBuf,
    /// The document, kept so that a later complaint can name the line.
    pub document: Node,
    /// As what it was written.
    pub kind: Kind,
    /// `metadata`.
    pub metadata: Metadata,
    /// `spec`.
    pub spec: Spec,
}

impl WasmPlugin {
    /// `namespace.name`, Istio's way to name it.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.metadata.namespace, self.metadata.name)
    }

    /// A complaint about the place at a path, or about the nearest place above it that exists.
    #[must_use]
    pub fn fault(&self, path: &str, message: impl Into<String>) -> Fault {
        let at = Some(self.document.locate(path));
        let (file, path) = (self.file.clone(), path.to_owned());
        Fault { file, at, path, message: message.into(), code: Code::Invalid }
    }

    /// Whether the module is an image: all that is neither a file nor on the web.
    pub(crate) fn is_image(&self) -> bool {
        !["file://", "http://", "https://"].iter().any(|scheme| self.spec.url.starts_with(scheme))
    }

    /// The digest after `@sha256:` in the url, in hex.
    pub(crate) fn digest_in_url(&self) -> Option<&str> {
        self.spec.url.split_once("@sha256:").map(|(_, digest)| digest)
    }

    /// The path of a field that concerns the module: `url`, `sha256`, `imagePullPolicy`, `imagePullSecret`,
    /// `pluginConfig`, `pluginName`, `failStrategy`, `vmConfig` or `type`.
    #[must_use]
    pub fn module_path(&self, field: &str) -> String {
        match self.kind {
            Kind::WasmPlugin => format!("spec.{field}"),
            Kind::TrafficExtension => format!("spec.wasm.{field}"),
        }
    }
}

/// `metadata`, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The name, a DNS name.
    pub name: String,
    /// The namespace, `default` when the file names none.
    pub namespace: String,
    /// When the cluster created it, RFC 3339 in UTC; files rarely say.
    pub creation_timestamp: Option<String>,
    /// Annotations.
    pub annotations: Labels,
}

/// Labels or annotations, in the order they were written.
pub type Labels = Vec<(String, String)>;

/// `spec`.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Where the module is: `oci://`, `https://`, `http://`, `file:///`, or no scheme for `oci://`.
    pub url: String,
    /// The digest that the fetched module must have.
    pub sha256: Option<String>,
    /// When a cluster fetches again.
    pub image_pull_policy: PullPolicy,
    /// The secret with the registry's credentials.
    pub image_pull_secret: Option<String>,
    /// What the filter is told, always an object.
    pub plugin_config: Option<Node>,
    /// Handed to the module as root id.
    pub plugin_name: Option<String>,
    /// The place in the chain.
    pub phase: Phase,
    /// The order within the phase, high first; unset sorts below every number.
    pub priority: Option<i32>,
    /// What happens to requests when the module cannot run.
    pub fail_strategy: FailStrategy,
    /// `vmConfig.env`.
    pub env: Vec<EnvVar>,
    /// Which traffic; none means all.
    pub matches: Vec<TrafficMatch>,
    /// Which workloads, by label.
    pub selector: Option<Labels>,
    /// Which gateways, waypoints or services.
    pub target_refs: Vec<TargetRef>,
    /// HTTP or network filter.
    pub plugin_type: PluginType,
}

/// `imagePullPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullPolicy {
    /// By the tag: `latest` always, others when absent.
    Unspecified,
    /// `IfNotPresent`.
    IfNotPresent,
    /// `Always`.
    Always,
}

/// `phase`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before Istio's own authentication.
    Authn,
    /// After authentication, before Istio's own authorization.
    Authz,
    /// After authorization.
    Stats,
    /// After all of these.
    Unspecified,
}

/// `failStrategy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailStrategy {
    /// Refuse requests until the configuration changes.
    Close,
    /// Let requests through unfiltered.
    Open,
    /// Refuse requests until the module has been loaded again, about a second later.
    Reload,
}

/// One of `vmConfig.env`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvVar {
    /// The name.
    pub name: String,
    /// Where the value comes from.
    pub value: EnvValue,
}

/// `valueFrom`, and the value that goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvValue {
    /// The value stands in the manifest.
    Inline(String),
    /// The value is taken from the proxy's own environment.
    Host,
}

/// One of `match`: mode and ports must both fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrafficMatch {
    /// The direction.
    pub mode: Mode,
    /// The ports; none means all.
    pub ports: Vec<u16>,
}

/// `match[].mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Outbound, and everything on a gateway.
    Client,
    /// Inbound.
    Server,
    /// Both.
    ClientAndServer,
}

/// One of `targetRefs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetRef {
    /// The API group; empty for core.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// The name.
    pub name: String,
}

/// `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PluginType {
    /// An HTTP filter.
    Http,
    /// A network filter.
    Network,
}
