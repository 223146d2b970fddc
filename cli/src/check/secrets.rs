//! Secrets that are written out where `{env: NAME}` could stand.

use super::config::part;
use crate::fault::{Code, Fault};
use crate::manifest::WasmPlugin;
use crate::manifest::yaml::Node;

const MESSAGE: &str = "readable by anyone who may get the object or config_dump; use {env: NAME} and \
                       vmConfig.env with valueFrom HOST";

pub(super) fn check(plugin: &WasmPlugin) -> Vec<Fault> {
    let mut found = Vec::new();
    if let Some((config, path)) = part(plugin, "auth-filter") {
        for (index, provider) in
            config.get("providers").map(Node::items).unwrap_or_default().iter().enumerate()
        {
            of_provider(provider, &format!("{path}.providers[{index}]"), &mut found);
        }
    }
    for (index, variable) in plugin.spec.env.iter().enumerate() {
        if is_secret_name(&variable.name) && matches!(&variable.value, crate::manifest::EnvValue::Inline(_)) {
            found.push(plugin.module_path(&format!("vmConfig.env[{index}].value")));
        }
    }
    found.iter().map(|path| plugin.fault(path, MESSAGE).coded(Code::SecretInClear)).collect()
}

fn of_provider(provider: &Node, path: &str, found: &mut Vec<String>) {
    let keys =
        provider.get("apiKey").and_then(|block| block.get("keys")).map(Node::items).unwrap_or_default();
    for (index, key) in keys.iter().enumerate() {
        if key.get("key").and_then(Node::text).is_some() {
            found.push(format!("{path}.apiKey.keys[{index}].key"));
        }
    }
    let introspection = provider.get("introspection");
    if introspection.and_then(|block| block.get("clientSecret")).and_then(Node::text).is_some() {
        found.push(format!("{path}.introspection.clientSecret"));
    }
    let set = provider.get("jwt").and_then(|block| block.get("jwks")).and_then(Node::text);
    if set.is_some_and(has_private_part) {
        found.push(format!("{path}.jwt.jwks"));
    }
}

/// Whether a key set has a shared secret (`k`) or a private key (`d`) in it (RFC 7518, 6).
fn has_private_part(set: &str) -> bool {
    let set: serde_json::Value = serde_json::from_str(set).unwrap_or_default();
    let keys = set.get("keys").and_then(serde_json::Value::as_array);
    keys.is_some_and(|keys| keys.iter().any(|key| key.get("k").is_some() || key.get("d").is_some()))
}

/// By the words that people use.
fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["SECRET", "PASSWORD", "PASSWD", "API_KEY", "PRIVATE_KEY"].iter().any(|word| name.contains(word))
}
