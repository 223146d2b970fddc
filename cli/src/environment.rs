//! What a plugin finds in its environment, and what stands in for the proxy's own variables where no proxy is.

use std::cell::RefCell;

use serde_json::Value;

use crate::fault::Fault;
use crate::filters::Filters;
use crate::manifest::{EnvValue, WasmPlugin};
use crate::module::stem;
use crate::plan::config_json;

/// Whose environment `valueFrom: HOST` is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// This process's: Envoy inherits it, so what is not set here is not set.
    Here,
    /// That of a proxy which is started elsewhere: what is not set here may be set there, and something stands in for it.
    Elsewhere,
}

/// What came of compiling a configuration.
#[derive(Debug)]
pub(crate) enum Compiled {
    /// There is nothing to say against it.
    Good,
    /// What the filter's own code says against it.
    Bad(Fault),
    /// A variable of the proxy without which the rest of the configuration could not be looked at.
    Blocked(String),
}

/// What the plugin will find under this name in its environment.
pub(crate) fn variable(plugin: &WasmPlugin, name: &str) -> Option<String> {
    match &plugin.spec.env.iter().find(|variable| variable.name == name)?.value {
        EnvValue::Inline(value) => Some(value.clone()),
        EnvValue::Host => std::env::var(name).ok(),
    }
}

/// The proxy's variables that the plugin takes.
pub(crate) fn of_the_host(plugin: &WasmPlugin) -> impl Iterator<Item = &str> {
    let host = plugin.spec.env.iter().filter(|variable| variable.value == EnvValue::Host);
    host.map(|variable| variable.name.as_str())
}

/// Whether the plugin takes the variable from the proxy.
pub(crate) fn is_of_the_host(plugin: &WasmPlugin, name: &str) -> bool {
    of_the_host(plugin).any(|known| known == name)
}

/// The proxy's variables that the plugin takes and that are not set here.
pub(crate) fn unset(plugin: &WasmPlugin) -> impl Iterator<Item = &str> {
    of_the_host(plugin).filter(|name| std::env::var_os(name).is_none())
}

/// Compiles `pluginConfig` by the filter's own code; `None` when the module is not one of Tollgate's.
pub(crate) fn compile(plugin: &WasmPlugin, filters: &Filters, host: Host) -> Option<Compiled> {
    let root = plugin.module_path("pluginConfig");
    let mut places = Vec::new();
    if let Some(config) = &plugin.spec.plugin_config {
        collect(&config.to_json(), &root, &mut places);
    }
    let missing = RefCell::new(Vec::new());
    let look_up = |name: &str| {
        let found = variable(plugin, name);
        if found.is_some() || !is_of_the_host(plugin, name) {
            return found;
        }
        missing.borrow_mut().push(name.to_owned());
        let place = places.iter().find(|(_, of)| of == name).map_or("", |(path, _)| path);
        (host == Host::Elsewhere).then(|| stand_in(place, name))
    };
    let json = config_json(plugin).unwrap_or_default();
    let Err(error) = filters.check(stem(&plugin.spec.url), json.as_bytes(), &look_up)? else {
        return Some(Compiled::Good);
    };
    let error = error.under(&root);
    let missing = missing.into_inner();
    let about = |(path, name): &&(String, String)| error.path().starts_with(path) && missing.contains(name);
    Some(match (places.iter().find(about), host) {
        (Some((_, name)), Host::Elsewhere) => Compiled::Blocked(name.clone()),
        (Some((path, name)), Host::Here) => {
            let message = format!(
                "{name} is taken from the environment (valueFrom: HOST), and is not set here: {name}=… tollgate run …"
            );
            Compiled::Bad(plugin.fault(path, message))
        }
        (None, _) => Compiled::Bad(plugin.fault(error.path(), error.message())),
    })
}

/// Every `{env: NAME}` with its path.
fn collect(json: &Value, path: &str, found: &mut Vec<(String, String)>) {
    match json {
        Value::Object(fields) => {
            if let (Some(Value::String(name)), 1) = (fields.get("env"), fields.len()) {
                found.push((path.to_owned(), name.clone()));
            }
            fields.iter().for_each(|(key, value)| collect(value, &format!("{path}.{key}"), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| collect(item, &format!("{path}[{i}]"), found));
        }
        _ => {}
    }
}

/// A line of htpasswd's.
const PASSWORD: &str = "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=";
/// A key of each kind: the examples of RFC 7515, A.1 to A.3, and of RFC 8037, A.2.
const KEYS: &str = include_str!("environment/keys.json");

/// Something that the place takes, another for each name.
fn stand_in(path: &str, name: &str) -> String {
    let field = path.rsplit('.').next().unwrap_or_default();
    match field.split('[').next() {
        Some("users") => format!("{name}:{PASSWORD}"),
        Some("jwks") => KEYS.to_owned(),
        _ => format!("stands-in-for-{name}"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::manifest::Manifests;

    /// `fault` and `blocked_by`, with these providers, and with variables that are set nowhere.
    fn compiled(providers: &str, host: Host) -> (Option<String>, Option<String>) {
        let text = format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: a}}\nspec:\n  \
             url: file:///auth-filter.wasm\n  vmConfig:\n    env:\n    - {{name: NOT_SET_A, valueFrom: HOST}}\n    \
             - {{name: NOT_SET_B, valueFrom: HOST}}\n    - {{name: HERE, value: x}}\n  pluginConfig:\n    \
             providers: [{providers}]\n    rules: [{{name: all, require: {{anyOf: [p]}}}}]\n"
        );
        let plugin = Manifests::parse(Path::new("a.yaml"), &text).unwrap().plugins.remove(0);
        match compile(&plugin, &Filters::builtin(), host).unwrap() {
            Compiled::Good => (None, None),
            Compiled::Bad(fault) => (Some(format!("{}: {}", fault.path, fault.message)), None),
            Compiled::Blocked(name) => (None, Some(name)),
        }
    }

    const GOOD: [&str; 4] = [
        "{name: p, apiKey: {from: [{header: k}], keys: [{id: a, key: {env: NOT_SET_A}}, {id: b, key: {env: NOT_SET_B}}]}}",
        "{name: p, basic: {realm: r, users: [{env: NOT_SET_A}, {env: NOT_SET_B}]}}",
        "{name: p, jwt: {issuer: 'https://i', audiences: [a], jwks: {env: NOT_SET_A}}}",
        "{name: p, introspection: {endpoint: 'https://i/x', clientId: c, clientSecret: {env: NOT_SET_A}}}",
    ];

    #[test]
    fn what_is_set_elsewhere_does_not_hide_the_rest() {
        for provider in GOOD {
            assert_eq!(compiled(provider, Host::Elsewhere), (None, None), "{provider}");
            let wrong = format!("{provider}, {{name: q}}");
            let (fault, blocked) = compiled(&wrong, Host::Elsewhere);
            assert!(fault.is_some_and(|fault| fault.contains("providers[1]")), "{provider}");
            assert_eq!(blocked, None, "{provider}");
        }
        for algorithms in ["HS256", "HS512", "RS256", "PS256", "ES256", "EdDSA"] {
            let provider = format!(
                "{{name: p, jwt: {{issuer: 'https://i', audiences: [a], algorithms: [{algorithms}], jwks: {{env: NOT_SET_A}}}}}}"
            );
            assert_eq!(compiled(&provider, Host::Elsewhere), (None, None), "{algorithms}");
        }
    }

    #[test]
    fn what_is_not_set_here_is_asked_for_by_name() {
        for provider in GOOD {
            let (fault, _) = compiled(provider, Host::Here);
            let fault = fault.unwrap();
            assert!(fault.contains("NOT_SET_A is taken from the environment"), "{fault}");
        }
    }

    #[test]
    fn what_is_in_no_environment_is_a_fault_wherever_the_proxy_is() {
        for host in [Host::Here, Host::Elsewhere] {
            let provider = "{name: p, apiKey: {from: [{header: k}], keys: [{id: a, key: {env: FORGOTTEN}}]}}";
            let (fault, _) = compiled(provider, host);
            assert!(fault.unwrap().contains("give it under vmConfig.env"));
        }
    }
}
