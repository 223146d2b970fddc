//! A proxy's plugins, in the order in which requests pass them.

use super::{Naming, Proxy, Reason, Scope, scope};
use crate::manifest::{Manifests, WasmPlugin, in_chain_order_by};

/// For whom plugins are chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum View {
    /// For nobody: all of them, wherever they would go.
    Everything {
        /// Whose plugins come first, if it matters.
        namespace: Option<String>,
        /// Whose come after those.
        root_namespace: String,
    },
    /// For one chain of one proxy.
    Proxy(Proxy),
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// The plugins, in order.
    pub plugins: Vec<WasmPlugin>,
    /// Those that the proxy does not get.
    pub excluded: Vec<Excluded>,
    /// What the reader should know besides.
    pub notes: Vec<String>,
}

/// A plugin that the proxy does not get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excluded {
    /// `namespace.name`.
    pub plugin: String,
    /// Why.
    pub reason: Reason,
}

impl View {
    /// The view's plugins, in the order in which requests pass them.
    #[must_use]
    pub fn select(&self, plugins: Vec<WasmPlugin>, naming: Naming) -> Selection {
        let (mut kept, mut excluded, mut notes) = (Vec::new(), Vec::new(), Vec::new());
        for plugin in plugins {
            match self.scope(&plugin) {
                Scope::Applies => kept.push(plugin),
                Scope::Excluded(reason) => excluded.push(Excluded { plugin: plugin.full_name(), reason }),
            }
        }
        let plugins =
            in_chain_order_by(kept, |namespace| self.rank(namespace), |plugin| naming.object(plugin));
        notes.extend(self.unknown_port(&plugins));
        notes.extend(self.by_document(&plugins));
        Selection { plugins, excluded, notes }
    }

    /// The same manifests with this view's plugins only, in order, and notes about the others.
    #[must_use]
    pub fn apply(&self, manifests: Manifests, naming: Naming) -> Manifests {
        let Selection { plugins, excluded, notes } = self.select(manifests.plugins, naming);
        let left_out = excluded.iter().map(|one| format!("{} left out: {}", one.plugin, one.reason));
        let notes = manifests.notes.into_iter().chain(left_out).chain(notes).collect();
        Manifests { plugins, notes, ..manifests }
    }

    fn scope(&self, plugin: &WasmPlugin) -> Scope {
        match self {
            Self::Everything { .. } => Scope::Applies,
            Self::Proxy(proxy) => scope(plugin, proxy),
        }
    }

    /// The place of a namespace among equals: a stable sort by priority leaves the proxy's own before the root's.
    fn rank(&self, namespace: &str) -> usize {
        match self {
            Self::Everything { namespace: own, root_namespace } => match own {
                _ if namespace == root_namespace && own.as_deref() != Some(namespace) => 1,
                Some(own) if own != namespace => 2,
                _ => 0,
            },
            Self::Proxy(proxy) => {
                proxy.namespaces().iter().position(|known| *known == namespace).unwrap_or(usize::MAX)
            }
        }
    }

    fn unknown_port(&self, plugins: &[WasmPlugin]) -> Option<String> {
        let Self::Proxy(Proxy { port: None, .. }) = self else { return None };
        let has_ports =
            |plugin: &&WasmPlugin| plugin.spec.matches.iter().any(|entry| !entry.ports.is_empty());
        let names: Vec<String> = plugins.iter().filter(has_ports).map(WasmPlugin::full_name).collect();
        (!names.is_empty()).then(|| {
            format!(
                "{}: match names ports, which are not looked at without a listener port",
                names.join(", ")
            )
        })
    }

    /// Plugins whose order nothing but the documents' decides.
    fn by_document(&self, plugins: &[WasmPlugin]) -> Option<String> {
        let place = |plugin: &WasmPlugin| {
            (plugin.spec.phase, plugin.spec.priority, self.rank(&plugin.metadata.namespace))
        };
        let pairs = plugins.iter().zip(plugins.iter().skip(1)).filter(|(first, second)| {
            place(first) == place(second) && second.metadata.creation_timestamp.is_none()
        });
        let pairs: Vec<String> = pairs
            .map(|(first, second)| format!("{} before {}", first.full_name(), second.full_name()))
            .collect();
        (!pairs.is_empty()).then(|| {
            format!(
                "{}: by the order of the documents; on a cluster the older object comes first. Give them different \
                 priorities",
                pairs.join(", ")
            )
        })
    }
}
