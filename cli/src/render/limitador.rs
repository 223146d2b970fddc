//! Limitador's limits, of the global limits of rate limit filters.

use policy_core::ConfigError;
use ratelimit_policy::limit::Kind;
use ratelimit_policy::{Compiled, limitador};

use super::Failure;
use crate::fault::{Fault, Faults};
use crate::manifest::WasmPlugin;
use crate::module::stem;
use crate::plan::{config_json, variable};

/// The module whose configuration has limits.
const RATE_LIMIT: &str = "ratelimit-filter";

/// The limits of one plugin.
struct Rendered<'p> {
    plugin: &'p WasmPlugin,
    domain: String,
    text: String,
}

/// The limits of all plugins.
pub(super) fn limits(plugins: &[WasmPlugin]) -> Result<String, Failure> {
    let filters: Vec<_> = plugins.iter().filter(|plugin| stem(&plugin.spec.url) == RATE_LIMIT).collect();
    let mut faults = Vec::new();
    let mut all: Vec<Rendered<'_>> = Vec::new();
    for plugin in &filters {
        match rendered(plugin) {
            Ok(Some(one)) => match all.iter().find(|known| known.domain == one.domain) {
                // One configuration for several workloads: they share the counts.
                Some(known) if known.text == one.text => {}
                Some(known) => faults.push(same_domain(known.plugin, &one)),
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
        (None, _) => Err(Failure::Nothing(format!("there is no WasmPlugin with a {RATE_LIMIT} here"))),
        (Some(first), true) => {
            let message = "no limit of any ratelimit-filter here has scope: global; there is nothing for the service to count";
            Err(Failure::Nothing(first.fault(&first.module_path("pluginConfig.limits"), message).to_string()))
        }
        _ => Ok(all.iter().map(|one| format!("# {}\n{}", one.plugin.full_name(), one.text)).collect()),
    }
}

/// `None` when the service has nothing to count for this plugin.
fn rendered(plugin: &WasmPlugin) -> Result<Option<Rendered<'_>>, Fault> {
    let located = |error: ConfigError| {
        let error = error.under(&plugin.module_path("pluginConfig"));
        plugin.fault(error.path(), error.message())
    };
    let compiled = compiled(plugin).map_err(located)?;
    let Some(global) = &compiled.global else { return Ok(None) };
    if !compiled.limits.iter().any(|limit| matches!(limit.kind, Kind::Global)) {
        return Ok(None);
    }
    let text = limitador::render(&compiled).map_err(located)?;
    Ok(Some(Rendered { plugin, domain: global.domain.clone(), text }))
}

fn compiled(plugin: &WasmPlugin) -> Result<Compiled, ConfigError> {
    let json = config_json(plugin).unwrap_or_else(|| "{}".to_owned());
    let config = policy_core::config::parse(json.as_bytes())?;
    ratelimit_policy::compile(config, &|name| variable(plugin, name))
}

/// Limitador knows a limit by its place among the call's, which is the same in every plugin.
fn same_domain(first: &WasmPlugin, second: &Rendered<'_>) -> Fault {
    let message = format!(
        "{} has other limits in the domain {:?}; Limitador would take them for these: give each plugin its own",
        first.full_name(),
        second.domain
    );
    second.plugin.fault(&second.plugin.module_path("pluginConfig.global.domain"), message)
}

#[cfg(test)]
mod tests;
