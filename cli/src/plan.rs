//! A set of manifests that can be served: checked, in chain order, each plugin with its module.

use crate::cluster::{Cluster, clusters};
use serde_json::Value;

use crate::environment::{self, Compiled, Host};
use crate::fault::{Fault, Faults};
use crate::filters::Filters;
use crate::manifest::{Manifests, PluginType, WasmPlugin, in_chain_order};
use crate::module::{Module, Modules, stem};
use crate::scope::Naming;

/// What to serve.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The plugins, in the order in which requests pass them.
    pub plugins: Vec<Planned>,
    /// What plugins may call.
    pub clusters: Vec<Cluster>,
    /// What the reader should know.
    pub notes: Vec<String>,
    /// By which version of Istio they are named.
    pub naming: Naming,
}

/// One plugin and its module.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The manifest.
    pub plugin: WasmPlugin,
    /// The module; or why it could not be fetched, and then Envoy gets what istio-agent puts in its place.
    pub module: Result<Module, String>,
}

impl Plan {
    /// Checks every plugin with its filter's own code, finds its module and puts all in order.
    ///
    /// # Errors
    /// All faults at once, each with the line it is about.
    pub fn compile(manifests: Manifests, modules: &Modules, filters: &Filters) -> Result<Self, Faults> {
        Self::compile_for(manifests, modules, filters, Host::Here)
    }

    /// The same, for an Envoy that may be started elsewhere.
    ///
    /// # Errors
    /// As [`Plan::compile`].
    pub fn compile_for(
        manifests: Manifests,
        modules: &Modules,
        filters: &Filters,
        host: Host,
    ) -> Result<Self, Faults> {
        let plugins = in_chain_order(manifests.plugins);
        Self::in_order(Manifests { plugins, ..manifests }, Naming::default(), modules, filters, host)
    }

    /// The same for plugins that are in order already.
    ///
    /// # Errors
    /// As [`Plan::compile`].
    pub fn in_order(
        manifests: Manifests,
        naming: Naming,
        modules: &Modules,
        filters: &Filters,
        host: Host,
    ) -> Result<Self, Faults> {
        let (clusters, passed_over) = clusters(&manifests);
        let mut notes = manifests.notes;
        notes.extend(passed_over);
        let mut faults = Vec::new();
        let mut plugins = Vec::new();
        for plugin in manifests.plugins {
            faults.extend(config_fault(&plugin, filters, host, &mut notes));
            notes.extend(unknown_clusters(&plugin, &clusters));
            if plugin.spec.plugin_type == PluginType::Network {
                faults.push(
                    plugin
                        .fault(&plugin.module_path("type"), "NETWORK plugins cannot be run here: only HTTP"),
                );
            }
            notes.extend(missing_variables(&plugin, host));
            match modules.of(&plugin) {
                Ok(module) => {
                    notes.extend(origin(&plugin, &module, host));
                    plugins.push(Planned { plugin, module });
                }
                Err(message) => faults.push(plugin.fault(&plugin.module_path("url"), message)),
            }
        }
        if faults.is_empty() { Ok(Self { plugins, clusters, notes, naming }) } else { Err(Faults(faults)) }
    }
}

fn config_fault(
    plugin: &WasmPlugin,
    filters: &Filters,
    host: Host,
    notes: &mut Vec<String>,
) -> Option<Fault> {
    let (name, module) = (plugin.full_name(), stem(&plugin.spec.url));
    let Some(compiled) = environment::compile(plugin, filters, host) else {
        notes.push(format!(
            "{name}: {module} is not one of Tollgate's filters, its pluginConfig is not checked here"
        ));
        return None;
    };
    match compiled {
        Compiled::Good => None,
        Compiled::Bad(fault) => Some(fault),
        Compiled::Blocked(variable) => {
            notes.push(format!("{name}: pluginConfig is not checked beyond {variable}"));
            None
        }
    }
}

/// What differs here from a cluster in where the module comes from.
fn origin(plugin: &WasmPlugin, module: &Result<Module, String>, host: Host) -> Option<String> {
    let (name, url) = (plugin.full_name(), &plugin.spec.url);
    let Ok(module) = module else { return None };
    let path = module.path.display();
    if url.starts_with("file://") || module.is_fetched {
        let secret = plugin.spec.image_pull_secret.as_ref().filter(|_| module.is_fetched)?;
        return Some(format!(
            "{name}: the Secret {secret} is not read here, but the docker configuration is"
        ));
    }
    let (pinned, ours) = module.pinned(plugin)?;
    let remedy = if host == Host::Here { "; --fetch takes that one" } else { "" };
    (pinned != ours).then(|| {
        format!("{name}: {path} is taken, whose digest is {ours}, while the manifest pins {pinned}{remedy}")
    })
}

/// Clusters that a configuration names and no ServiceEntry gives: whoever calls them gets no answer.
fn unknown_clusters(plugin: &WasmPlugin, clusters: &[Cluster]) -> Vec<String> {
    let mut named = Vec::new();
    if let Some(config) = &plugin.spec.plugin_config {
        names(&config.to_json(), &mut named);
    }
    named.retain(|name| !clusters.iter().any(|cluster| cluster.name == *name));
    let note = |name| {
        format!(
            "{}: no ServiceEntry here gives the cluster {name}, calls to it will fail",
            plugin.full_name()
        )
    };
    named.into_iter().map(note).collect()
}

/// The clusters that fields of this name hold.
fn names(json: &Value, found: &mut Vec<String>) {
    match json {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value
                    .as_str()
                    .filter(|name| key == "cluster" && !found.iter().any(|known| known == name))
                {
                    Some(name) => found.push(name.to_owned()),
                    None => names(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        _ => {}
    }
}

/// A HOST variable comes from Envoy's environment, which is ours where we start Envoy.
fn missing_variables(plugin: &WasmPlugin, host: Host) -> Vec<String> {
    let name = plugin.full_name();
    let say = |variable: &str| match host {
        Host::Here => format!("{name}: {variable} is not set, the plugin will see no such variable"),
        Host::Elsewhere => format!("{name}: {variable} has to be set where Envoy is started"),
    };
    environment::unset(plugin).map(say).collect()
}

/// `pluginConfig` as the text that Istio hands to the module; nothing for none or `{}`.
#[must_use]
pub fn config_json(plugin: &WasmPlugin) -> Option<String> {
    let json = plugin.spec.plugin_config.as_ref()?.to_json();
    (json.as_object().is_some_and(|fields| !fields.is_empty())).then(|| json.to_string())
}

#[cfg(test)]
mod tests;
