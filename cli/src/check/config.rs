//! `pluginConfig`, compiled by the filter's own code.

use std::cell::RefCell;

use super::{Context, module_field};
use crate::fault::{Code, Fault};
use crate::manifest::yaml::Node;
use crate::manifest::{EnvValue, WasmPlugin};
use crate::module::stem;
use crate::plan::{config_json, variable};

/// What it does not look at goes to `skipped`.
pub(super) fn check(plugin: &WasmPlugin, context: &Context<'_>, skipped: &mut Vec<String>) -> Option<Fault> {
    let path = plugin.module_path("pluginConfig");
    if module_field(plugin, "pluginConfig").is_some() && plugin.spec.plugin_config.is_none() {
        // It is no object, and that has been said.
        return None;
    }
    let module = stem(&plugin.spec.url);
    let json = config_json(plugin).unwrap_or_default();
    let missing = RefCell::new(Vec::new());
    let from_host = |name: &str| {
        let mut variables = plugin.spec.env.iter();
        variables.any(|variable| variable.name == name && variable.value == EnvValue::Host)
    };
    let look_up = |name: &str| {
        let value = variable(plugin, name);
        if value.is_none() && from_host(name) {
            missing.borrow_mut().push(name.to_owned());
        }
        value
    };
    let checked = context.filters.check(module, json.as_bytes(), &look_up);
    let Some(checked) = checked else {
        let message = format!("{module} is not one of Tollgate's filters, its configuration is not checked");
        return Some(plugin.fault(&path, message).coded(Code::ConfigUnchecked));
    };
    let error = checked.err()?;
    // Whatever the proxy's environment holds, it is not here.
    if let Some(name) = missing.borrow().iter().find(|name| error.message().contains(&format!("{name:?}"))) {
        let (plugin, name) = (plugin.full_name(), name.as_str());
        skipped.push(format!("{plugin}'s pluginConfig beyond {name}, which is not set here"));
        return None;
    }
    let error = error.under(&path);
    Some(plugin.fault(error.path(), error.message()).coded(Code::Config))
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
