//! `pluginConfig`, compiled by the filter's own code.

use super::{Context, module_field};
use crate::environment::{self, Compiled, Host};
use crate::fault::{Code, Fault};
use crate::manifest::WasmPlugin;
use crate::manifest::yaml::Node;
use crate::module::stem;

/// What it does not look at goes to `skipped`.
pub(super) fn check(plugin: &WasmPlugin, context: &Context<'_>, skipped: &mut Vec<String>) -> Option<Fault> {
    if module_field(plugin, "pluginConfig").is_some() && plugin.spec.plugin_config.is_none() {
        // It is no object, and that has been said.
        return None;
    }
    // Whatever the proxy's environment holds, it is not here.
    let Some(compiled) = environment::compile(plugin, context.filters, Host::Elsewhere) else {
        let module = stem(&plugin.spec.url);
        let message = format!("{module} is not one of Tollgate's filters, its configuration is not checked");
        let path = plugin.module_path("pluginConfig");
        return Some(plugin.fault(&path, message).coded(Code::ConfigUnchecked));
    };
    match compiled {
        Compiled::Good => None,
        Compiled::Bad(fault) => Some(fault.coded(Code::Config)),
        Compiled::Blocked(variable) => {
            let plugin = plugin.full_name();
            skipped.push(format!("{plugin}'s pluginConfig beyond {variable}, which is not set here"));
            None
        }
    }
}

/// The part of a configuration that a filter of this name would take: all of it in that filter, one field of it in the
/// edge filter; with the part's path.
pub(super) fn part<'p>(plugin: &'p WasmPlugin, filter: &str) -> Option<(&'p Node, String)> {
    let config = plugin.spec.plugin_config.as_ref()?;
    let path = plugin.module_path("pluginConfig");
    match stem(&plugin.spec.url) {
        module if module == filter => Some((config, path)),
        "edge-filter" => {
            let field = match filter {
                "auth-filter" => "auth",
                "ratelimit-filter" => "rateLimit",
                _ => "headers",
            };
            Some((config.get(field)?, format!("{path}.{field}")))
        }
        _ => None,
    }
}
