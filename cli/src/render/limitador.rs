//! Limitador's limits, of the global limits of rate limit filters.

use policy_core::ConfigError;
use ratelimit_policy::limit::Kind;
use ratelimit_policy::{Compiled, limitador};

use super::Failure;
use crate::environment::variable;
use crate::fault::{Code, Fault, Faults};
use crate::manifest::WasmPlugin;
use crate::module::stem;
use crate::plan::config_json;

/// The modules whose configuration has limits, and the field that these are under.
const LIMITED: [(&str, &str); 2] = [("ratelimit-filter", ""), ("edge-filter", "rateLimit")];

/// The limits of one plugin.
struct Rendered<'p> {
    plugin: &'p WasmPlugin,
    field: &'static str,
    domain: String,
    text: String,
}

/// The limits of all plugins.
pub(super) fn limits(plugins: &[WasmPlugin]) -> Result<String, Failure> {
    let limited = |plugin| field_of(plugin).map(|field| (plugin, field));
    let filters: Vec<(&WasmPlugin, &'static str)> = plugins.iter().filter_map(limited).collect();
    let mut faults = Vec::new();
    let mut all: Vec<Rendered<'_>> = Vec::new();
    for (plugin, field) in &filters {
        match rendered(plugin, field) {
            Ok(Some(one)) => match all.iter().find(|known| known.domain == one.domain) {
                // One configuration for several workloads: they share the counts.
                Some(known) if known.text == one.text => {}
                Some(known) => {
                    faults.push(same_domain(known.plugin, &one).coded(Code::LimitsDiffer));
                }
                None => all.push(one),
            },
            Ok(None) => {}
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        return Err(Failure::Bad(Faults(faults)));
    }
    match (filters.first(), all.is_empty()) {
        (None, _) => {
            let message = "there is no WasmPlugin with a ratelimit-filter or an edge-filter here";
            Err(Failure::Nothing(message.to_owned()))
        }
        (Some((first, field)), true) => {
            let message =
                "no limit of any filter here has scope: global; there is nothing for the service to count";
            let error = ConfigError::at("limits", message).under(field);
            Err(Failure::Nothing(located(first, error).to_string()))
        }
        _ => Ok(all.iter().map(|one| format!("# {}\n{}", one.plugin.full_name(), one.text)).collect()),
    }
}

/// The field that a plugin's limits are under, if it is one that limits.
fn field_of(plugin: &WasmPlugin) -> Option<&'static str> {
    let module = stem(&plugin.spec.url);
    LIMITED.iter().find(|(name, _)| module == *name).map(|(_, field)| *field)
}

fn located(plugin: &WasmPlugin, error: ConfigError) -> Fault {
    let error = error.under(&plugin.module_path("pluginConfig"));
    plugin.fault(error.path(), error.message())
}

/// `None` when the service has nothing to count for this plugin.
fn rendered<'p>(plugin: &'p WasmPlugin, field: &'static str) -> Result<Option<Rendered<'p>>, Fault> {
    let compiled = compiled(plugin, field).map_err(|error| located(plugin, error))?;
    let Some(compiled) = compiled else { return Ok(None) };
    let Some(global) = &compiled.global else { return Ok(None) };
    if !compiled.limits.iter().any(|limit| matches!(limit.kind, Kind::Global)) {
        return Ok(None);
    }
    let text = limitador::render(&compiled).map_err(|error| located(plugin, error.under(field)))?;
    Ok(Some(Rendered { plugin, field, domain: global.domain.clone(), text }))
}

/// `None` where the plugin has no limits at all.
fn compiled(plugin: &WasmPlugin, field: &str) -> Result<Option<Compiled>, ConfigError> {
    let json = config_json(plugin).unwrap_or_else(|| "{}".to_owned());
    let config = match field {
        "" => Some(policy_core::config::parse(json.as_bytes())?),
        _ => policy_core::config::parse::<edge_policy::Config>(json.as_bytes())?.rate_limit,
    };
    let compile = |config| ratelimit_policy::compile(config, &|name| variable(plugin, name));
    config.map(compile).transpose().map_err(|error| error.under(field))
}

/// Limitador knows a limit by its place among the call's, which is the same in every plugin.
fn same_domain(first: &WasmPlugin, second: &Rendered<'_>) -> Fault {
    let message = format!(
        "{} has other limits in the domain {:?}; Limitador would take them for these: give each plugin its own",
        first.full_name(),
        second.domain
    );
    located(second.plugin, ConfigError::at("global.domain", message).under(second.field))
}

#[cfg(test)]
mod tests;
