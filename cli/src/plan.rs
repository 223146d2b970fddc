//! A set of manifests that can be served: checked, in chain order, each plugin with its module.

use crate::cluster::{Cluster, clusters};
use serde_json::Value;

use crate::fault::{Fault, Faults};
use crate::filters::Filters;
use crate::manifest::{EnvValue, Manifests, PluginType, WasmPlugin, in_chain_order};
use crate::module::{Module, Modules, stem};
use crate::oci;
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
        let plugins = in_chain_order(manifests.plugins);
        Self::in_order(Manifests { plugins, ..manifests }, Naming::default(), modules, filters)
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
    ) -> Result<Self, Faults> {
        let (clusters, passed_over) = clusters(&manifests);
        let mut notes = manifests.notes;
        notes.extend(passed_over);
        let mut faults = Vec::new();
        let mut plugins = Vec::new();
        for plugin in manifests.plugins {
            faults.extend(config_fault(&plugin, filters, &mut notes));
            notes.extend(unknown_clusters(&plugin, &clusters));
            if plugin.spec.plugin_type == PluginType::Network {
                faults.push(
                    plugin
                        .fault(&plugin.module_path("type"), "NETWORK plugins cannot be run here: only HTTP"),
                );
            }
            notes.extend(missing_variables(&plugin));
            match modules.of(&plugin) {
                Ok(module) => {
                    notes.extend(origin(&plugin, &module));
                    plugins.push(Planned { plugin, module });
                }
                Err(message) => faults.push(plugin.fault(&plugin.module_path("url"), message)),
            }
        }
        if faults.is_empty() { Ok(Self { plugins, clusters, notes, naming }) } else { Err(Faults(faults)) }
    }
}

fn config_fault(plugin: &WasmPlugin, filters: &Filters, notes: &mut Vec<String>) -> Option<Fault> {
    let module = stem(&plugin.spec.url);
    let json = config_json(plugin);
    let json = json.as_deref().unwrap_or_default().as_bytes();
    match filters.check(module, json, &|name| variable(plugin, name)) {
        Some(Ok(())) => None,
        Some(Err(error)) => {
            let error = error.under(&plugin.module_path("pluginConfig"));
            Some(plugin.fault(error.path(), error.message()))
        }
        None => {
            notes.push(format!(
                "{}: {module} is not one of Tollgate's filters, its pluginConfig is not checked here",
                plugin.full_name()
            ));
            None
        }
    }
}

/// What differs here from a cluster in where the module comes from.
fn origin(plugin: &WasmPlugin, module: &Result<Module, String>) -> Option<String> {
    let (name, url) = (plugin.full_name(), &plugin.spec.url);
    let Ok(module) = module else { return None };
    let path = module.path.display();
    if url.starts_with("file://") || module.is_fetched {
        let secret = plugin.spec.image_pull_secret.as_ref().filter(|_| module.is_fetched)?;
        return Some(format!(
            "{name}: the Secret {secret} is not read here, but the docker configuration is"
        ));
    }
    let (pinned, ours) = if url.starts_with("http") {
        (plugin.spec.sha256.clone()?, module.digest.clone())
    } else {
        let written = url.split_once("@sha256:").map(|(_, digest)| digest.to_owned());
        let pinned = plugin.spec.sha256.clone().or(written)?;
        (pinned, oci::digest(&module.bytes).ok()?.trim_start_matches("sha256:").to_owned())
    };
    (pinned != ours).then(|| {
        format!("{name}: {path} is taken, whose digest is {ours}, while the manifest pins {pinned}; --fetch takes that one")
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

/// What the plugin will find under this name in its environment.
pub(crate) fn variable(plugin: &WasmPlugin, name: &str) -> Option<String> {
    match &plugin.spec.env.iter().find(|variable| variable.name == name)?.value {
        EnvValue::Inline(value) => Some(value.clone()),
        EnvValue::Host => std::env::var(name).ok(),
    }
}

/// A HOST variable comes from Envoy's environment, which is ours.
fn missing_variables(plugin: &WasmPlugin) -> Vec<String> {
    let host = plugin.spec.env.iter().filter(|variable| variable.value == EnvValue::Host);
    host.filter(|variable| std::env::var_os(&variable.name).is_none())
        .map(|variable| {
            format!(
                "{}: {} is not set, the plugin will see no such variable",
                plugin.full_name(),
                variable.name
            )
        })
        .collect()
}

/// `pluginConfig` as the text that Istio hands to the module; nothing for none or `{}`.
#[must_use]
pub fn config_json(plugin: &WasmPlugin) -> Option<String> {
    let json = plugin.spec.plugin_config.as_ref()?.to_json();
    (json.as_object().is_some_and(|fields| !fields.is_empty())).then(|| json.to_string())
}

#[cfg(test)]
mod tests;
